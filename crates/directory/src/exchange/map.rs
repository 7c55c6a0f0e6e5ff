//! Sites, crossings and barriers as GeoJSON (RFC 7946), as map programs write and read them.
//!
//! For: features into rows, with the line they begin on, and back. WGS-84, longitude first, as the standard says (section
//! 4). Digits are carried as text: no floating point.
//! May not know: other datums. Chinese maps' GCJ-02 lies some 500 m aside and looks just as right: it is refused where
//! it is named, and cannot be told where it is not.

use serde::Deserialize;
use serde_json::{Map, Number, Value, value::RawValue};

use super::{
    Fault, Kind, Row,
    barrier::{self, point_id},
    cells::join,
    table::Line,
};

/// Largest file read, in bytes; it is held whole. Ours: a hundred thousand features.
pub const FILE_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    crs: Option<Value>,
    #[serde(borrow, default)]
    features: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Feature {
    geometry: Option<Geometry>,
    properties: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Geometry {
    #[serde(rename = "type")]
    kind: String,
    coordinates: Value,
}

/// Each feature's line, counted from 1, and its row or its faults.
pub type Features = Vec<Line>;

/// Reads a file.
pub fn read(kind: Kind, text: &str) -> Result<Features, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let collection: Collection<'_> = serde_json::from_str(text).map_err(|error| {
        let line = u64::try_from(error.line()).unwrap_or(0);
        let en = format!("not GeoJSON: {error}");
        vec![Fault::line(line, format!("不是 GeoJSON:{error}"), en)]
    })?;
    if collection.kind != "FeatureCollection" {
        let (zh, en) = ("要是一个 FeatureCollection", "must be a FeatureCollection");
        return Err(vec![Fault::file(zh, en)]);
    }
    if let Some(crs) = collection.crs.filter(|crs| !is_wgs84(crs)) {
        return Err(vec![Fault::file(
            format!("坐标系是 {crs};只收 WGS-84,请先转换 (国内地图的 GCJ-02 偏几百米)"),
            format!(
                "the coordinates are {crs}; only WGS-84 is taken: convert them first (GCJ-02 lies some 500 m aside)"
            ),
        )]);
    }
    let base = text.as_ptr() as usize;
    let read = |raw: &&RawValue| {
        let at = (raw.get().as_ptr() as usize).saturating_sub(base);
        let before = text.as_bytes().get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
        (line, feature(kind, line, raw))
    };
    Ok(collection.features.iter().map(read).collect())
}

/// The old `crs` member, which some programs still write: taken when it names what the standard prescribes.
fn is_wgs84(crs: &Value) -> bool {
    let name = crs["properties"]["name"].as_str().unwrap_or("");
    crs.is_null() || name.ends_with("CRS84") || name.ends_with("EPSG::4326") || name == "EPSG:4326"
}

fn feature(kind: Kind, line: u64, raw: &RawValue) -> Result<Row, Vec<Fault>> {
    let fault = |zh: String, en: String| vec![Fault::line(line, zh, en)];
    let feature: Feature = serde_json::from_str(raw.get()).map_err(|error| {
        fault(
            format!("不是 Feature:{error}"),
            format!("not a feature: {error}"),
        )
    })?;
    let properties = feature.properties.unwrap_or_default();
    let wants = if kind == Kind::Barriers {
        "LineString"
    } else {
        "Point"
    };
    let geometry = feature
        .geometry
        .filter(|it| it.kind == wants)
        .ok_or_else(|| {
            fault(
                format!("几何要是 {wants}"),
                format!("the geometry must be a {wants}"),
            )
        })?;
    let mut faults = Vec::new();
    for name in properties.keys() {
        let known =
            kind.columns().contains(&name.as_str()) && !matches!(name.as_str(), "lon" | "lat");
        if !known {
            faults.push(Fault::cell(line, name, "没有这个属性", "no such property"));
        }
    }
    let places = match (kind, &geometry.coordinates) {
        (Kind::Barriers, Value::Array(points)) => points.iter().map(place).collect(),
        (_, point) => place(point).map(|place| vec![place]),
    };
    let Some(places) = places else {
        faults.push(Fault::line(
            line,
            "坐标要写 [经度, 纬度]",
            "a position is [longitude, latitude]",
        ));
        return Err(faults);
    };
    let values = |(n, (lon, lat)): (usize, &(String, String))| {
        let value = |column: &&str| match *column {
            "lon" => lon.clone(),
            "lat" => lat.clone(),
            "point" => point_id(text(properties.get("barrier")), n),
            column => text(properties.get(column)),
        };
        let values: Vec<String> = kind.columns().iter().map(value).collect();
        (line, values)
    };
    let lines: Vec<(u64, Vec<String>)> = places.iter().enumerate().map(values).collect();
    let row = match (kind, lines.first()) {
        (Kind::Barriers, _) | (_, None) => barrier::read(&lines),
        (_, Some((line, values))) => Row::read(kind, *line, values),
    };
    match row {
        Err(found) => {
            faults.extend(found);
            Err(faults)
        }
        Ok(row) if faults.is_empty() => Ok(row),
        Ok(_) => Err(faults),
    }
}

/// Longitude and latitude as they were written; a height may follow.
fn place(value: &Value) -> Option<(String, String)> {
    let digits = |it: &Value| it.as_number().map(Number::to_string);
    match value.as_array()?.as_slice() {
        [lon, lat] | [lon, lat, _] => Some((digits(lon)?, digits(lat)?)),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => yes.to_string(),
        Some(Value::Array(parts)) => join(parts.iter().map(|it| text(Some(it))), ';'),
        Some(other) => other.to_string(),
    }
}

/// The rows of a kind as a FeatureCollection, one feature a line.
pub fn write(kind: Kind, rows: &[Row]) -> String {
    let features: Vec<String> = match kind {
        Kind::Barriers => rows.iter().map(|row| line(&row.lines())).collect(),
        _ => rows.iter().map(|row| point(kind, &row.cells())).collect(),
    };
    format!(
        "{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n",
        features.join(",\n")
    )
}

fn point(kind: Kind, cells: &[String]) -> String {
    let (mut lon, mut lat, mut properties) = ("0", "0", Map::new());
    for (column, cell) in kind.columns().iter().zip(cells) {
        match *column {
            "lon" => lon = cell,
            "lat" => lat = cell,
            column => drop(properties.insert(column.to_owned(), Value::from(cell.as_str()))),
        }
    }
    format!(
        "{{\"type\":\"Feature\",\"geometry\":{{\"type\":\"Point\",\"coordinates\":[{lon},{lat}]}},\"properties\":{}}}",
        Value::Object(properties)
    )
}

/// A barrier: its corners in order.
fn line(corners: &[Vec<String>]) -> String {
    let places = corners.iter().map(|it| format!("[{},{}]", it[3], it[4]));
    let mut properties = Map::new();
    for (column, at) in [("barrier", 1), ("name", 2), ("extent", 5), ("status", 6)] {
        let text = corners.first().map_or("", |it| it[at].as_str());
        properties.insert(column.to_owned(), Value::from(text));
    }
    format!(
        "{{\"type\":\"Feature\",\"geometry\":{{\"type\":\"LineString\",\"coordinates\":[{}]}},\"properties\":{}}}",
        places.collect::<Vec<_>>().join(","),
        Value::Object(properties)
    )
}
