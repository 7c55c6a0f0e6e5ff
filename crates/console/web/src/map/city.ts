// For: the city on a canvas: rivers, crossings, sites as features; what moves as an own thin layer drawn by hand.
// May not know: where the data comes from. No tiles, nothing from outside.
import Feature from 'ol/Feature';
import OlMap from 'ol/Map';
import View from 'ol/View';
import { defaults as defaultControls } from 'ol/control/defaults';
import { boundingExtent } from 'ol/extent';
import LineString from 'ol/geom/LineString';
import Point from 'ol/geom/Point';
import VectorLayer from 'ol/layer/Vector';
import { fromLonLat } from 'ol/proj';
import VectorSource from 'ol/source/Vector';
import type { Card, CrossingView, DistrictView, MapView, SiteView } from '../wire/wire';
import { drawMarkers, markersOf, type Marker } from './markers';
import {
  crossingStyle,
  districtStyle,
  palette,
  riverStyle,
  siteLabel,
  siteStyle,
  type Palette,
} from './styles';

/** Metres per pixel below which sites carry their names. */
const NAMES_BELOW = 28;
/** Pixels around a marker that count as hitting it. */
const REACH = 20;

export class CityMap {
  readonly #map: OlMap;
  readonly #barriers = new VectorSource();
  readonly #districts = new VectorSource();
  readonly #crossings = new VectorSource();
  readonly #sites = new VectorSource();
  readonly #canvas: HTMLCanvasElement;
  #markers: Marker[] = [];
  #look: Palette;
  #english = false;
  #fitted = false;

  constructor(
    private readonly place: HTMLElement,
    choose: (id: string) => void,
  ) {
    this.#look = palette(place);
    const plain = (
      source: VectorSource,
      style: (feature: Feature, resolution: number) => ReturnType<typeof siteStyle>,
    ) => new VectorLayer({ source, style: (feature, resolution) => style(feature as Feature, resolution) });
    const labels = (
      source: VectorSource,
      style: (feature: Feature) => ReturnType<typeof siteStyle>,
      below: number,
    ) =>
      // Labels apart from circles: with declutter an icon and its text vanish together.
      new VectorLayer({
        source,
        declutter: true,
        maxResolution: below,
        style: (feature) => style(feature as Feature),
      });
    this.#map = new OlMap({
      target: place,
      controls: defaultControls({ attribution: false, rotate: false }),
      layers: [
        plain(this.#barriers, () => riverStyle(this.#look)),
        plain(this.#sites, (feature) => siteStyle(this.#look, feature.get('site') as SiteView)),
        plain(this.#crossings, (feature, resolution) =>
          crossingStyle(
            this.#look,
            feature.get('crossing') as CrossingView,
            this.#english,
            resolution < NAMES_BELOW * 2,
          ),
        ),
        labels(
          this.#districts,
          (feature) => districtStyle(this.#look, feature.get('district') as DistrictView, this.#english),
          Infinity,
        ),
        labels(
          this.#sites,
          (feature) => siteLabel(this.#look, feature.get('site') as SiteView, this.#english),
          NAMES_BELOW,
        ),
      ],
      view: new View({ center: fromLonLat([126.64, 45.76]), zoom: 11, minZoom: 8, maxZoom: 17 }),
    });
    this.#canvas = document.createElement('canvas');
    this.#canvas.className = 'map-markers';
    place.append(this.#canvas);
    this.#map.on('postrender', () => this.#draw());
    this.#map.on('click', (event) => {
      const hit = this.#hit(event.pixel);
      if (hit) choose(hit);
    });
    this.#map.on('pointermove', (event) => {
      place.classList.toggle('pointing', this.#hit(event.pixel) !== null);
    });
  }

  setGround(view: MapView): void {
    this.#barriers.clear();
    this.#barriers.addFeatures(
      view.barriers.map(
        (barrier) => new Feature(new LineString(barrier.points.map((point) => fromLonLat(point)))),
      ),
    );
    this.#crossings.clear();
    this.#crossings.addFeatures(
      view.crossings.map((crossing) => new Feature({ geometry: at(crossing), crossing })),
    );
    this.#districts.clear();
    this.#districts.addFeatures(
      view.districts.map((district) => new Feature({ geometry: at(district), district })),
    );
  }

  setSites(sites: readonly SiteView[]): void {
    this.#sites.clear();
    this.#sites.addFeatures(
      sites
        .filter((site) => site.kind === 'station' || site.kind === 'facility')
        .map((site) => new Feature({ geometry: at(site), site })),
    );
    if (!this.#fitted && sites.length > 0) {
      this.#fitted = true;
      this.fit();
    }
  }

  setCards(cards: readonly Card[], selected: string | null, now: number, speed: number): void {
    this.#markers = markersOf(cards, selected, now, speed);
    this.#draw();
  }

  setLook(language: string, _theme: string): void {
    this.#english = language === 'en';
    this.#look = palette(this.place);
    for (const layer of this.#map.getLayers().getArray()) layer.changed();
    this.#map.render();
  }

  /** Shows most of the sites: the far ones are left to scrolling, or the middle would be a blot. */
  fit(): void {
    const points = this.#sites
      .getFeatures()
      .map((feature) => (feature.getGeometry() as Point).getCoordinates());
    if (points.length === 0) return;
    const middle = (n: 0 | 1) => points.map((point) => point[n] ?? 0).sort((a, b) => a - b);
    const [xs, ys] = [middle(0), middle(1)];
    const part = (values: number[], share: number) => values[Math.floor((values.length - 1) * share)] ?? 0;
    const extent = boundingExtent([
      [part(xs, 0.03), part(ys, 0.03)],
      [part(xs, 0.97), part(ys, 0.97)],
    ]);
    this.#map.getView().fit(extent, { padding: [40, 40, 40, 40] });
  }

  close(): void {
    this.#map.setTarget();
    this.#map.dispose();
  }

  #draw(): void {
    const size = this.#map.getSize();
    if (!size) return;
    drawMarkers(this.#canvas, size, this.#markers, this.#look, (place) =>
      this.#map.getPixelFromCoordinate(fromLonLat(place)),
    );
  }

  #hit(pixel: number[]): string | null {
    let best: string | null = null;
    let nearest = REACH;
    for (const marker of this.#markers) {
      const there = this.#map.getPixelFromCoordinate(fromLonLat(marker.place));
      if (!there) continue;
      const distance = Math.hypot((there[0] ?? 0) - (pixel[0] ?? 0), (there[1] ?? 0) - (pixel[1] ?? 0));
      if (distance < nearest) [best, nearest] = [marker.incident, distance];
    }
    return best;
  }
}

function at(thing: { lon: number; lat: number }): Point {
  return new Point(fromLonLat([thing.lon, thing.lat]));
}
