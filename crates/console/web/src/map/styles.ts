// For: how the ground of the map looks; colours come from the page's style sheet.
// May not know: what is shown when.
import CircleStyle from 'ol/style/Circle';
import Fill from 'ol/style/Fill';
import RegularShape from 'ol/style/RegularShape';
import Stroke from 'ol/style/Stroke';
import Style from 'ol/style/Style';
import Text from 'ol/style/Text';
import type { CrossingView, DistrictView, SiteView } from '../wire/wire';

export interface Palette {
  readonly font: string;
  readonly text: string;
  readonly faint: string;
  readonly rim: string;
  readonly on: string;
  readonly water: string;
  readonly bridge: string;
  readonly barred: string;
  readonly sound: string;
  readonly silent: string;
  readonly shut: string;
  readonly responder: string;
  readonly priority: Readonly<Record<number, string>>;
}

/** Reads the colours in force at an element. */
export function palette(at: HTMLElement): Palette {
  const look = getComputedStyle(at);
  const colour = (name: string) => look.getPropertyValue(name).trim() || '#888';
  return {
    font: look.fontFamily,
    text: colour('--text'),
    faint: colour('--muted'),
    rim: colour('--map-land'),
    on: colour('--on-strong'),
    water: colour('--map-water'),
    bridge: colour('--map-bridge'),
    barred: colour('--p1'),
    sound: colour('--good'),
    silent: colour('--p2'),
    shut: colour('--map-shut'),
    responder: colour('--accent'),
    priority: { 1: colour('--p1'), 2: colour('--p2'), 3: colour('--p3'), 4: colour('--p4') },
  };
}

function text(look: Palette, words: string, size: number, colour: string, offsetY = 0): Text {
  return new Text({
    text: words,
    font: `${size}px ${look.font}`,
    offsetY,
    fill: new Fill({ color: colour }),
    stroke: new Stroke({ color: look.rim, width: 3 }),
  });
}

export function riverStyle(look: Palette): Style {
  return new Style({
    stroke: new Stroke({ color: look.water, width: 9, lineCap: 'round', lineJoin: 'round' }),
  });
}

export function districtStyle(look: Palette, district: DistrictView, english: boolean): Style {
  return new Style({ text: text(look, english ? district.name_en : district.name, 17, look.faint) });
}

export function crossingStyle(
  look: Palette,
  crossing: CrossingView,
  english: boolean,
  named: boolean,
): Style {
  const colour = crossing.open ? look.bridge : look.barred;
  const style = new Style({
    image: new RegularShape({
      points: 4,
      radius: 8,
      // An open bridge is a square, a closed one a cross: told apart without colour.
      ...(crossing.open ? {} : { radius2: 0 }),
      angle: Math.PI / 4,
      fill: new Fill({ color: crossing.foot_only ? look.rim : colour }),
      stroke: new Stroke({
        color: crossing.open && !crossing.foot_only ? look.rim : colour,
        width: crossing.open ? 2 : 3,
      }),
    }),
  });
  if (named) style.setText(text(look, english ? crossing.name_en : crossing.name, 12, look.faint, -15));
  return style;
}

export function siteStyle(look: Palette, site: SiteView): Style {
  const shut = !site.open_now;
  const colour = shut ? look.shut : site.with_sound > 0 ? look.sound : look.silent;
  const filled = !shut && site.with_sound > 0;
  const fill = new Fill({ color: filled ? colour : look.rim });
  const stroke = new Stroke({ color: filled ? look.rim : colour, width: 2 });
  const radius = shut ? 4 : 5.5;
  // Stations are round, facilities square.
  const image =
    site.kind === 'facility'
      ? new RegularShape({ points: 4, radius: radius * 1.35, angle: Math.PI / 4, fill, stroke })
      : new CircleStyle({ radius, fill, stroke });
  return new Style({ image });
}

export function siteLabel(look: Palette, site: SiteView, english: boolean): Style {
  const name = english ? site.name_en : site.name.replace('社区居家养老服务站', '').replace('养老服务站', '');
  return new Style({ text: text(look, name, 12, site.open_now ? look.text : look.faint, 14) });
}
