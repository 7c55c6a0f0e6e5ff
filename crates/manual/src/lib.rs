//! What a door takes and answers, said in OpenAPI 3.1 and JSON Schema, and shown in Swagger UI.
//!
//! For: one way of describing doors, so that both read alike and a test can hold what they say against what they do.
//! May not know: which doors there are, what their paths mean; each door brings its own words.
//!
//! Modules in reading order:
//!
//! - [`operation`]: one method of one path, with its answers.
//! - [`messages`]: the JSON Schema of what goes over a WebSocket.
//! - `ui`: the routes `/openapi.json` and `/docs`.

pub mod messages;
pub mod operation;

mod ui;

pub use operation::Operation;
pub use utoipa::openapi::{HttpMethod, Type};

use axum::Router;
use messages::Messages;
use operation::media;
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::{
        Components, Header, Info, OpenApi, PathItem, Ref, RefOr, Response, Schema, Tag,
        path::Paths,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
        tag::TagBuilder,
    },
};

/// A door's document in the making.
pub struct Manual {
    api: OpenApi,
    parts: Components,
    /// Headers of every answer, by name.
    always: Vec<&'static str>,
    messages: Vec<(&'static str, Messages)>,
}

impl Manual {
    /// Begins a document; `about` is Markdown.
    pub fn new(title: &str, version: &str, about: &str) -> Self {
        let mut info = Info::new(title, version);
        info.description = Some(about.to_owned());
        Self {
            api: OpenApi::new(info, Paths::new()),
            parts: Components::new(),
            always: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// A heading that operations stand under.
    pub fn tag(mut self, name: &str, about: &str) -> Self {
        let tag: Tag = TagBuilder::new()
            .name(name)
            .description(Some(about))
            .build();
        self.api.tags.get_or_insert_default().push(tag);
        self
    }

    /// A header that every answer described after this carries.
    pub fn always(mut self, name: &'static str, about: &str) -> Self {
        let mut header = Header::default();
        header.description = Some(about.to_owned());
        self.parts.headers.insert(name.to_owned(), RefOr::T(header));
        self.always.push(name);
        self
    }

    /// Proof by a cookie.
    pub fn cookie(self, scheme: &str, name: &str, about: &str) -> Self {
        let key = ApiKey::Cookie(ApiKeyValue::with_description(name, about));
        self.proof(scheme, SecurityScheme::ApiKey(key))
    }

    /// Proof by a header of the door's own.
    pub fn signed_header(self, scheme: &str, name: &str, about: &str) -> Self {
        let key = ApiKey::Header(ApiKeyValue::with_description(name, about));
        self.proof(scheme, SecurityScheme::ApiKey(key))
    }

    /// Proof by `Authorization: Bearer` (RFC 6750).
    pub fn bearer(self, scheme: &str, about: &str) -> Self {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(about.to_owned());
        self.proof(scheme, SecurityScheme::Http(bearer))
    }

    fn proof(mut self, scheme: &str, proof: SecurityScheme) -> Self {
        self.parts.add_security_scheme(scheme, proof);
        self
    }

    /// One method of one path.
    pub fn on(mut self, method: HttpMethod, path: &str, operation: Operation) -> Self {
        let (mut operation, shapes) = operation.finish(word(&method), path);
        for answer in operation.responses.responses.values_mut() {
            if let RefOr::T(answer) = answer {
                self.carry(answer);
            }
        }
        self.parts.schemas.extend(shapes);
        let item = PathItem::new(method, operation);
        match self.api.paths.paths.get_mut(path) {
            Some(there) => there.merge_operations(item),
            None => {
                self.api.paths.paths.insert(path.to_owned(), item);
            }
        }
        self
    }

    fn carry(&self, answer: &mut Response) {
        for name in &self.always {
            let place = Ref::new(format!("#/components/headers/{name}"));
            let header = answer.headers.entry((*name).to_owned());
            header.or_insert(RefOr::Ref(place));
        }
    }

    /// The messages of a WebSocket, described at a path of their own.
    pub fn messages(mut self, path: &'static str, messages: Messages) -> Self {
        let about = Operation::new("消息的 JSON Schema · JSON Schema of the messages", "manual")
            .gives_text(200, media::SCHEMA, "JSON Schema 2020-12")
            .with_page_headers(200);
        self = self.on(HttpMethod::Get, path, about);
        self.messages.push((path, messages));
        self
    }

    /// The door's routes for reading the document: `/openapi.json`, `/docs` and the schemas of messages.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let messages: Vec<(&'static str, String)> = self
            .messages
            .iter()
            .map(|(path, messages)| (*path, messages.document(path).to_string()))
            .collect();
        let mut api = ui::described(self);
        api.api.components = Some(api.parts);
        let api = api
            .api
            .to_json()
            .expect("an OpenAPI document is plain data");
        ui::routes(api, messages)
    }
}

fn word(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Post => "post",
        HttpMethod::Delete => "delete",
        HttpMethod::Put => "put",
        HttpMethod::Patch => "patch",
        HttpMethod::Head => "head",
        HttpMethod::Options => "options",
        HttpMethod::Trace => "trace",
        _ => "get",
    }
}

/// Collects a shape and all it is made of, by name.
pub(crate) fn collect<T: ToSchema>(shapes: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut found = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut found);
    shapes.extend(found);
}
