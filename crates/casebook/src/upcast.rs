//! Old shapes, lifted to today's when they are read.
//!
//! For: changing a stored shape without rewriting what is stored.
//! May not know: what an event means; a step only moves fields.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// One change of one event's shape.
pub(crate) struct Step {
    /// The stored name it is about.
    pub(crate) kind: &'static str,
    /// It lifts a body of this schema to the next.
    pub(crate) from: u32,
    /// The change.
    pub(crate) change: fn(&mut Map<String, Value>),
}

/// Every change so far, oldest first. The first shapes are today's, so there is none yet; the golden file of an old
/// shape stays beside the new one as `<StoredName>.<schema>.json`.
pub(crate) const STEPS: &[Step] = &[];

/// Whether any step is about a stored name; when none is, nobody need look for the schema.
pub(crate) fn concerns(kind: &str) -> bool {
    STEPS.iter().any(|step| step.kind == kind)
}

/// The body in today's shape; untouched when no step is about it.
pub(crate) fn lift<'a>(
    steps: &[Step],
    kind: &str,
    schema: u32,
    body: &'a [u8],
) -> Result<Cow<'a, [u8]>, serde_json::Error> {
    let due = |step: &&Step| step.kind == kind && step.from >= schema;
    if !steps.iter().any(|step| due(&step)) {
        return Ok(Cow::Borrowed(body));
    }
    let mut fields: Map<String, Value> = serde_json::from_slice(body)?;
    for step in steps.iter().filter(due) {
        (step.change)(&mut fields);
    }
    serde_json::to_vec(&fields).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Step] = &[
        Step {
            kind: "Held",
            from: 1,
            change: |fields| {
                if let Some(why) = fields.remove("why") {
                    fields.insert("reason".to_owned(), why);
                }
            },
        },
        Step {
            kind: "Held",
            from: 2,
            change: |fields| {
                fields.insert("steps".to_owned(), Value::from(2));
            },
        },
    ];

    #[test]
    fn an_old_shape_takes_every_step_and_a_new_one_none() {
        let lifted = |schema| {
            let body = lift(TWO, "Held", schema, br#"{"why":"x"}"#).unwrap();
            String::from_utf8(body.into_owned()).unwrap()
        };
        assert_eq!(lifted(1), r#"{"reason":"x","steps":2}"#);
        assert_eq!(lifted(2), r#"{"steps":2,"why":"x"}"#);
        assert_eq!(lifted(3), r#"{"why":"x"}"#);
        let other = lift(TWO, "Offered", 1, b"not even json").unwrap();
        assert_eq!(other.as_ref(), b"not even json");
    }
}
