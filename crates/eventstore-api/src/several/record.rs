//! A record of version 2 as an event.
//!
//! For: type, content type and user metadata out of schema and properties, so that version 1 reads them as its own.
//! May not know: where the record goes.

use bytes::Bytes;
use eventlog::{EventId, NewEvent};
use prost_types::value::Kind;
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::fault::Fault;
use crate::proto::v2::{AppendRecord, SchemaFormat};
use crate::record::marked;

/// The event a record stands for; without an id it gets a new one.
pub(crate) fn event(record: AppendRecord) -> Result<NewEvent, Fault> {
    let id = match record.record_id.as_deref() {
        None | Some("") => Uuid::new_v4(),
        Some(text) => {
            Uuid::try_parse(text).map_err(|_| Fault::invalid("a record's id must be a UUID"))?
        }
    };
    let schema = record.schema.unwrap_or_default();
    let format = schema.format();
    let kind = schema.name.filter(|name| !name.is_empty());
    let kind = kind.ok_or(Fault::MissingMetadata("type"))?;
    let mut properties: Map<String, Value> = record
        .properties
        .into_iter()
        .map(|(name, value)| (name, json(value)))
        .collect();
    let named = match format {
        SchemaFormat::Unspecified => {
            return Err(Fault::invalid("a record needs the format of its schema"));
        }
        SchemaFormat::Json => None,
        SchemaFormat::Protobuf => Some("Protobuf"),
        SchemaFormat::Avro => Some("Avro"),
        SchemaFormat::Bytes => Some("Bytes"),
    };
    if let Some(named) = named {
        properties.insert("$schema.format".to_owned(), named.into());
    }
    if let Some(schema) = schema.id {
        properties.insert("$schema.id".to_owned(), schema.into());
    }
    let meta = match properties.is_empty() {
        true => Bytes::new(),
        false => Value::Object(properties).to_string().into(),
    };
    Ok(NewEvent {
        id: EventId(id),
        kind,
        body: record.data.unwrap_or_default(),
        meta: marked(format == SchemaFormat::Json, meta),
    })
}

fn json(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(yes)) => yes.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::NumberValue(number)) => {
            Number::from_f64(number).map_or(Value::Null, Value::Number)
        }
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json).collect(),
        Some(Kind::StructValue(fields)) => fields
            .fields
            .into_iter()
            .map(|(name, value)| (name, json(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::proto::v2::SchemaInfo;

    fn record(format: SchemaFormat) -> AppendRecord {
        let text = Kind::StringValue("x".to_owned());
        let property = prost_types::Value { kind: Some(text) };
        AppendRecord {
            record_id: None,
            properties: HashMap::from([("$correlationId".to_owned(), property)]),
            schema: Some(SchemaInfo {
                format: Some(format.into()),
                name: Some("Ordered".to_owned()),
                id: None,
            }),
            data: Some(Bytes::from_static(b"{}")),
            stream: None,
        }
    }

    #[test]
    fn properties_are_metadata_and_other_formats_than_json_are_named() {
        let plain = event(record(SchemaFormat::Json)).unwrap();
        assert_eq!(&plain.meta[..], br#"{"$correlationId":"x"}"#);
        let other = event(record(SchemaFormat::Avro)).unwrap();
        assert_eq!(other.meta[0], 0x01, "marked as no JSON");
        let meta: Value = serde_json::from_slice(&other.meta[1..]).unwrap();
        assert_eq!(meta["$schema.format"], "Avro");
    }

    #[test]
    fn a_record_without_type_or_format_is_refused() {
        assert!(event(record(SchemaFormat::Unspecified)).is_err());
        let mut nameless = record(SchemaFormat::Json);
        nameless.schema.as_mut().unwrap().name = None;
        assert_eq!(event(nameless), Err(Fault::MissingMetadata("type")));
    }
}
