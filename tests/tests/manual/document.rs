//! A door's document, held against what the door sends.
//!
//! For: finding the operation of a request, and checking status, headers, media type and body of its answer against it.
//! May not know: what the requests are about.

use jsonschema::Validator;
use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Headers of HTTP itself, which no document lists.
const OF_HTTP: [&str; 6] = [
    "allow",
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
];

/// A door and what it says of itself.
pub(crate) struct Door {
    pub(crate) base: String,
    pub(crate) client: reqwest::Client,
    doc: Value,
    strict: Value,
    /// Every operation and status that was really answered.
    seen: BTreeSet<(String, String, String)>,
}

impl Door {
    pub(crate) async fn read(base: &str, client: &reqwest::Client) -> Door {
        let url = format!("{base}/openapi.json");
        let doc: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(doc["openapi"], "3.1.0");
        Door {
            base: base.to_owned(),
            client: client.clone(),
            strict: strict(&doc["components"]["schemas"]),
            doc,
            seen: BTreeSet::new(),
        }
    }

    /// Every documented operation: method, path, description.
    pub(crate) fn operations(&self) -> Vec<(String, String, Value)> {
        let paths = self.doc["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| {
            let item = item.as_object().unwrap().clone();
            let path = path.clone();
            item.into_iter()
                .map(move |(method, operation)| (method, path.clone(), operation))
                .collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Asks, and holds the answer against the document; status and JSON body (else null).
    pub(crate) async fn ask(&mut self, request: RequestBuilder) -> (u16, Value) {
        let request = request.build().unwrap();
        let method = request.method().as_str().to_lowercase();
        let path = request.url().path().to_owned();
        let sent = request
            .body()
            .and_then(reqwest::Body::as_bytes)
            .map(<[u8]>::to_vec);
        let answer = self.client.execute(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        let value = self.answered(&method, &path, status, &headers, &body);
        if (200..300).contains(&status)
            && let Some(sent) = sent.filter(|sent| !sent.is_empty())
        {
            self.taken(&method, &path, &sent);
        }
        (status, value)
    }

    /// Holds an answer against the document.
    pub(crate) fn answered(
        &mut self,
        method: &str,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Value {
        let (template, operation) = self.operation(method, path);
        let what = format!("{method} {template} {status}");
        let described = &operation["responses"][status.to_string()];
        assert!(
            described.is_object(),
            "not documented: {what}: {}",
            String::from_utf8_lossy(body)
        );
        for (name, value) in headers {
            let name = name.as_str();
            assert!(
                OF_HTTP.contains(&name) || described["headers"][name].is_object(),
                "{what}: header {name}: {value:?} is not documented"
            );
        }
        let kind = headers.get("content-type").map(|v| v.to_str().unwrap());
        let essence = kind.map(|kind| kind.split(';').next().unwrap().trim());
        let content = match essence {
            None => {
                assert!(
                    described["content"].is_null() && body.is_empty(),
                    "{what}: no media type"
                );
                Value::Null
            }
            Some(essence) => {
                let content = &described["content"][essence];
                assert!(content.is_object(), "{what}: {essence} is not documented");
                content.clone()
            }
        };
        self.seen
            .insert((method.to_owned(), template, status.to_string()));
        if !essence.is_some_and(|e| e.ends_with("json")) || content["schema"]["type"] == "string" {
            return Value::Null;
        }
        let value: Value = serde_json::from_slice(body).unwrap();
        self.fits(&content["schema"], &value, &what);
        if let Some(code) = value["code"].as_str().filter(|_| status != 409) {
            assert!(
                content["examples"][code].is_object(),
                "{what}: no example of {code}"
            );
        }
        value
    }

    fn taken(&self, method: &str, path: &str, sent: &[u8]) {
        let (template, operation) = self.operation(method, path);
        let shape = &operation["requestBody"]["content"]["application/json"]["schema"];
        let value: Value = serde_json::from_slice(sent).unwrap();
        self.fits(
            shape,
            &value,
            &format!("what was sent to {method} {template}"),
        );
    }

    /// A value fits a schema, both as it is published and with every unnamed field forbidden.
    pub(crate) fn fits(&self, schema: &Value, value: &Value, what: &str) {
        let published = &self.doc["components"]["schemas"];
        for (shapes, schema) in [
            (published, schema.clone()),
            (&self.strict, strict_of(schema, published)),
        ] {
            let root = json!({ "allOf": [schema], "components": { "schemas": shapes } });
            validate(&jsonschema::validator_for(&root).unwrap(), value, what);
        }
    }

    fn operation(&self, method: &str, path: &str) -> (String, Value) {
        let found = self
            .operations()
            .into_iter()
            .find(|(m, template, _)| m == method && matches(template, path));
        let (_, template, operation) =
            found.unwrap_or_else(|| panic!("not documented: {method} {path}"));
        (template, operation)
    }

    /// Documented answers that were not seen.
    pub(crate) fn unseen(&self) -> BTreeSet<(String, String, String)> {
        let mut all = BTreeSet::new();
        for (method, path, operation) in self.operations() {
            for status in operation["responses"].as_object().unwrap().keys() {
                all.insert((method.clone(), path.clone(), status.clone()));
            }
        }
        all.difference(&self.seen).cloned().collect()
    }

    /// Every example in the document fits the shape it stands for.
    pub(crate) fn check_examples(&self) -> usize {
        let mut checked = 0;
        for (method, path, operation) in self.operations() {
            let responses = operation["responses"].as_object().unwrap().values();
            for holder in responses.chain([&operation["requestBody"]]) {
                let contents = holder["content"].as_object().cloned().unwrap_or_default();
                for content in contents.values() {
                    let examples = content["examples"].as_object().cloned().unwrap_or_default();
                    for (name, example) in examples {
                        self.fits(
                            &content["schema"],
                            &example["value"],
                            &format!("example {name} of {method} {path}"),
                        );
                        checked += 1;
                    }
                }
            }
        }
        checked
    }
}

/// The messages of a WebSocket as a door describes them.
pub(crate) struct Messages {
    document: Value,
    published: Validator,
    strict: Validator,
}

impl Messages {
    pub(crate) fn of(document: &Value) -> Messages {
        let published = jsonschema::validator_for(document).unwrap();
        let mut closed = document.clone();
        closed["$defs"] = strict(&document["$defs"]);
        let strict = jsonschema::validator_for(&closed).unwrap();
        let document = document.clone();
        Messages {
            document,
            published,
            strict,
        }
    }

    pub(crate) fn check(&self, message: &Value) {
        for validator in [&self.published, &self.strict] {
            validate(validator, message, "a message");
        }
    }

    pub(crate) fn check_examples(&self) -> usize {
        let examples = self.document["examples"].as_array().unwrap();
        examples.iter().for_each(|example| self.check(example));
        examples.len()
    }

    /// Every `t` of a shape that is one of several.
    pub(crate) fn kinds(&self, shape: &str) -> BTreeSet<String> {
        let mut kinds = BTreeSet::new();
        words_of(&self.document["$defs"][shape]["oneOf"], "t", &mut kinds);
        kinds
    }
}

fn words_of(value: &Value, tag: &str, words: &mut BTreeSet<String>) {
    if let Some(word) = value["properties"][tag]["enum"][0].as_str() {
        words.insert(word.to_owned());
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| words_of(item, tag, words)),
        Value::Object(_) => words_of(&value["allOf"], tag, words),
        _ => {}
    }
}

fn validate(validator: &Validator, value: &Value, what: &str) {
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{value:#}");
}

fn matches(template: &str, path: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
}

/// The shapes with every field that is not named forbidden.
fn strict(shapes: &Value) -> Value {
    let each = shapes.as_object().unwrap().iter();
    let each: BTreeMap<_, _> = each
        .map(|(name, shape)| (name, strict_of(shape, shapes)))
        .collect();
    json!(each)
}

/// One schema likewise. What is put together with `allOf` becomes one object first: each part alone would forbid the
/// other's fields.
fn strict_of(schema: &Value, shapes: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| strict_of(item, shapes)).collect(),
        Value::Object(fields) if fields.contains_key("allOf") => {
            strict_of(&merged(schema, shapes), shapes)
        }
        Value::Object(fields) => {
            let mut out: Map<_, _> = fields
                .iter()
                .map(|(name, field)| (name.clone(), strict_of(field, shapes)))
                .collect();
            if fields.get("properties").is_some_and(Value::is_object) {
                out.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

fn merged(schema: &Value, shapes: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for part in schema["allOf"].as_array().unwrap() {
        let named = part["$ref"]
            .as_str()
            .and_then(|place| place.rsplit('/').next());
        let part = named.map_or_else(|| part.clone(), |name| shapes[name].clone());
        let part = if part["allOf"].is_array() {
            merged(&part, shapes)
        } else {
            part
        };
        properties.extend(part["properties"].as_object().unwrap().clone());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

#[test]
fn a_field_that_nobody_documented_is_found_also_where_shapes_are_put_together() {
    let part =
        json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } });
    let more = json!({ "type": "object", "required": ["b"], "properties": { "b": { "$ref": "#/shapes/Part" } } });
    let shapes = json!({ "Part": part, "Whole": { "allOf": [{ "$ref": "#/shapes/Part" }, more] } });
    let root = json!({ "$ref": "#/shapes/Whole", "shapes": strict(&shapes) });
    let validator = jsonschema::validator_for(&root).unwrap();
    assert!(validator.is_valid(&json!({ "a": "x", "b": { "a": "y" } })));
    for odd in [
        json!({ "a": "x", "b": { "a": "y" }, "c": 1 }),
        json!({ "a": "x", "b": { "a": "y", "c": 1 } }),
        json!({ "a": "x" }),
    ] {
        assert!(!validator.is_valid(&odd), "{odd}");
    }
}
