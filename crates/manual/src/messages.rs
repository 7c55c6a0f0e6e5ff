//! The JSON Schema of what goes over a WebSocket.
//!
//! For: one document with both directions, made of the same shapes as the OpenAPI document.
//! May not know: which messages there are.

use crate::collect;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// JSON Schema's own name for its version (json-schema.org, core, section 8.1.1).
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A description in the making.
pub struct Messages {
    title: String,
    about: String,
    kinds: Vec<Value>,
    examples: Vec<Value>,
    shapes: BTreeMap<String, RefOr<Schema>>,
}

impl Messages {
    /// Begins a description.
    pub fn new(title: &str, about: &str) -> Self {
        Self {
            title: title.to_owned(),
            about: about.to_owned(),
            kinds: Vec::new(),
            examples: Vec::new(),
            shapes: BTreeMap::new(),
        }
    }

    /// One direction: its messages have the shape `T`.
    pub fn direction<T: ToSchema>(
        mut self,
        title: &str,
        examples: impl IntoIterator<Item = Value>,
    ) -> Self {
        collect::<T>(&mut self.shapes);
        let place = format!("#/$defs/{}", T::name());
        self.kinds.push(json!({ "title": title, "$ref": place }));
        self.examples.extend(examples);
        self
    }

    /// The document, to be served at `path`.
    pub(crate) fn document(&self, path: &str) -> Value {
        let mut shapes = json!(self.shapes);
        refer_inside(&mut shapes);
        json!({
            "$schema": DIALECT,
            "$id": path,
            "title": self.title,
            "description": self.about,
            "anyOf": self.kinds,
            "examples": self.examples,
            "$defs": shapes,
        })
    }
}

/// Shapes refer to each other where OpenAPI keeps them; here they stand under `$defs`.
fn refer_inside(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(place) if name == "$ref" => {
                        *place = place.replace("#/components/schemas/", "#/$defs/");
                    }
                    _ => refer_inside(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_inside),
        _ => {}
    }
}
