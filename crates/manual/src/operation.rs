//! One method of one path.
//!
//! For: saying who may ask, what is taken and every answer, with examples.
//! May not know: which path it is.

use crate::collect;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::{
        Array, Content, Header, Object, Ref, RefOr, Required, Response, Schema, Type,
        example::Example,
        path::{Operation as Described, Parameter, ParameterIn},
        request_body::RequestBody,
        schema::AnyOf,
        security::SecurityRequirement,
    },
};

/// Media types the doors speak.
pub mod media {
    /// RFC 8259.
    pub const JSON: &str = "application/json";
    /// RFC 9457.
    pub const PROBLEM: &str = "application/problem+json";
    /// JSON Schema 2020-12, section 15.
    pub const SCHEMA: &str = "application/schema+json";
    /// Pages.
    pub const HTML: &str = "text/html";
    /// Plain words.
    pub const TEXT: &str = "text/plain";
}

/// An operation in the making.
pub struct Operation {
    described: Described,
    shapes: BTreeMap<String, RefOr<Schema>>,
}

impl Operation {
    /// `summary`: what it does, Chinese first. `tag`: the heading it stands under.
    pub fn new(summary: &str, tag: &str) -> Self {
        let mut described = Described::new();
        described.summary = Some(summary.to_owned());
        described.tags = Some(vec![tag.to_owned()]);
        Self {
            described,
            shapes: BTreeMap::new(),
        }
    }

    /// More about it, in Markdown.
    pub fn about(mut self, text: &str) -> Self {
        self.described.description = Some(text.to_owned());
        self
    }

    /// Who may ask: any of these proofs. Not said: everybody.
    pub fn proven_by(mut self, schemes: &[&str]) -> Self {
        let any = |scheme: &&str| SecurityRequirement::new(*scheme, [] as [&str; 0]);
        self.described.security = Some(schemes.iter().map(any).collect());
        self
    }

    /// It also serves whoever proves nothing.
    pub fn or_unproven(mut self) -> Self {
        let none = SecurityRequirement::default();
        self.described.security.get_or_insert_default().push(none);
        self
    }

    /// A word of the query that may be left out.
    pub fn query(self, name: &str, kind: Type, about: &str) -> Self {
        self.parameter(name, ParameterIn::Query, Object::with_type(kind), about)
    }

    /// A word of the query that is one of these.
    pub fn query_of(self, name: &str, words: &[&str], about: &str) -> Self {
        self.parameter(name, ParameterIn::Query, one_of(words), about)
    }

    /// A part of the path.
    pub fn path(self, name: &str, about: &str) -> Self {
        let text = Object::with_type(Type::String);
        self.parameter(name, ParameterIn::Path, text, about)
    }

    /// A part of the path that is one of these.
    pub fn path_of(self, name: &str, words: &[&str], about: &str) -> Self {
        self.parameter(name, ParameterIn::Path, one_of(words), about)
    }

    /// A header of the request that may be left out.
    pub fn header(self, name: &str, about: &str) -> Self {
        let text = Object::with_type(Type::String);
        self.parameter(name, ParameterIn::Header, text, about)
    }

    fn parameter(mut self, name: &str, place: ParameterIn, kind: Object, about: &str) -> Self {
        let mut parameter = Parameter::new(name);
        if place == ParameterIn::Path {
            parameter.required = Required::True;
        } else {
            parameter.required = Required::False;
        }
        parameter.parameter_in = place;
        parameter.schema = Some(kind.into());
        parameter.description = Some(about.to_owned());
        self.described
            .parameters
            .get_or_insert_default()
            .push(parameter.into());
        self
    }

    /// The JSON body, with examples by name.
    pub fn takes<T: ToSchema>(
        mut self,
        examples: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Self {
        collect::<T>(&mut self.shapes);
        let mut content = Content::new(Some(reference::<T>()));
        content.examples = named(examples);
        let mut body = RequestBody::new();
        body.content
            .insert(media::JSON.to_owned(), RefOr::T(content));
        body.required = Some(Required::True);
        self.described.request_body = Some(RefOr::T(body));
        self
    }

    /// An answer with a JSON body; of several shapes with one status, each is possible.
    pub fn gives<T: ToSchema>(mut self, status: u16, means: &str, example: Value) -> Self {
        collect::<T>(&mut self.shapes);
        self.answer(status, means, media::JSON, reference::<T>().into());
        self.example(status, &T::name(), example)
    }

    /// An answer whose JSON body is a list.
    pub fn gives_list<T: ToSchema>(mut self, status: u16, means: &str, example: Value) -> Self {
        collect::<T>(&mut self.shapes);
        let list = Schema::Array(Array::new(reference::<T>()));
        self.answer(status, means, media::JSON, list.into());
        self.example(status, &T::name(), example)
    }

    /// An answer that is text of some kind.
    pub fn gives_text(mut self, status: u16, media: &str, means: &str) -> Self {
        let text = Object::with_type(Type::String);
        self.answer(status, means, media, text.into());
        self
    }

    /// An answer without a body.
    pub fn gives_nothing(mut self, status: u16, means: &str) -> Self {
        self.response(status, means);
        self
    }

    /// A problem: its shape is `T`, its example tells its code. Several of one status stand beside each other.
    pub fn fails<T: ToSchema + Serialize>(
        mut self,
        status: u16,
        code: &str,
        means: &str,
        example: &T,
    ) -> Self {
        collect::<T>(&mut self.shapes);
        let value = serde_json::to_value(example).expect("a problem is plain data");
        self.answer(status, means, media::PROBLEM, reference::<T>().into());
        self.example(status, code, value)
    }

    /// A header of the answers with this status.
    pub fn with_header(mut self, status: u16, name: &str, about: &str) -> Self {
        let mut header = Header::default();
        header.description = Some(about.to_owned());
        let response = self.response(status, "");
        response.headers.insert(name.to_owned(), RefOr::T(header));
        self
    }

    /// The headers of a page from inside the program: nothing foreign is let in, nothing is guessed.
    pub fn with_page_headers(self, status: u16) -> Self {
        self.with_header(
            status,
            "cache-control",
            "多久以后再问 · How long it may be kept",
        )
        .with_header(
            status,
            "content-security-policy",
            "只用本门自己的文件 · Own files only",
        )
        .with_header(status, "x-content-type-options", "`nosniff`")
        .with_header(status, "referrer-policy", "`no-referrer`")
    }

    fn answer(&mut self, status: u16, means: &str, media: &str, shape: RefOr<Schema>) {
        let response = self.response(status, means);
        let content = response.content.entry(media.to_owned());
        let RefOr::T(content) = content.or_insert_with(|| Content::default().into()) else {
            unreachable!("contents are written out here, never referred to");
        };
        content.schema = Some(match content.schema.take() {
            None => shape,
            Some(there) if there == shape => there,
            Some(there) => {
                let mut either = AnyOf::new();
                either.items = vec![there, shape];
                Schema::AnyOf(either).into()
            }
        });
    }

    fn example(mut self, status: u16, name: &str, value: Value) -> Self {
        let response = self.response(status, "");
        if let Some((_, RefOr::T(content))) = response.content.last_mut() {
            content.examples.extend(named([(name, value)]));
        }
        self
    }

    /// The answer with this status; what it means is added to what it meant before.
    fn response(&mut self, status: u16, means: &str) -> &mut Response {
        let responses = &mut self.described.responses.responses;
        let response = responses.entry(status.to_string());
        let RefOr::T(response) = response.or_insert_with(|| Response::new("").into()) else {
            unreachable!("answers are written out here, never referred to");
        };
        if !response.description.contains(means) {
            let before = std::mem::take(&mut response.description);
            response.description = if before.is_empty() {
                means.to_owned()
            } else {
                format!("{before}; {means}")
            };
        }
        response
    }

    /// The operation and the shapes it speaks of. Its id is made of its path.
    pub(crate) fn finish(
        self,
        method: &str,
        path: &str,
    ) -> (Described, BTreeMap<String, RefOr<Schema>>) {
        let mut described = self.described;
        let words = path.split(|c: char| !c.is_ascii_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        described.operation_id = Some(
            std::iter::once(method)
                .chain(words)
                .collect::<Vec<_>>()
                .join("_"),
        );
        (described, self.shapes)
    }
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn one_of(words: &[&str]) -> Object {
    let mut object = Object::with_type(Type::String);
    object.enum_values = Some(words.iter().map(|word| Value::from(*word)).collect());
    object
}

fn named<'a>(
    examples: impl IntoIterator<Item = (&'a str, Value)>,
) -> BTreeMap<String, RefOr<Example>> {
    let example = |(name, value): (&str, Value)| {
        let mut example = Example::new();
        example.value = Some(value);
        (name.to_owned(), RefOr::T(example))
    };
    examples.into_iter().map(example).collect()
}
