//! Event ids and stream names as the protocol writes them.
//!
//! For: both forms of an id, both ways; names out of bytes.
//! May not know: what they identify.

use bytes::Bytes;
use eventlog::StreamName;
use uuid::Uuid;

use crate::fault::Fault;
use crate::proto::client;

/// How ids are written in answers, as the client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdForm {
    Structured,
    Text,
}

impl IdForm {
    pub(crate) fn write(self, id: Uuid) -> client::Uuid {
        use client::uuid::{Structured, Value};
        let value = match self {
            Self::Text => Value::String(id.to_string()),
            Self::Structured => {
                let (most, least) = id.as_u64_pair();
                Value::Structured(Structured {
                    most_significant_bits: most.cast_signed(),
                    least_significant_bits: least.cast_signed(),
                })
            }
        };
        client::Uuid { value: Some(value) }
    }
}

/// An id in either form; `None` when it is in neither.
pub(crate) fn read_id(id: Option<&client::Uuid>) -> Option<Uuid> {
    use client::uuid::Value;
    match id?.value.as_ref()? {
        Value::String(text) => Uuid::try_parse(text).ok(),
        Value::Structured(halves) => Some(Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        )),
    }
}

/// The id of an event to append.
pub(crate) fn event_id(id: Option<&client::Uuid>) -> Result<Uuid, Fault> {
    read_id(id).ok_or_else(|| Fault::invalid("an event's id is missing or no UUID"))
}

/// A stream's name.
pub(crate) fn stream_name(given: Option<client::StreamIdentifier>) -> Result<StreamName, Fault> {
    let bytes = given.map(|it| it.stream_name).unwrap_or_default();
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Fault::invalid("a stream's name must be UTF-8"))?;
    StreamName::new(text).map_err(|error| Fault::invalid(error.to_string()))
}

/// The same, written.
pub(crate) fn stream_identifier(name: &StreamName) -> client::StreamIdentifier {
    client::StreamIdentifier {
        stream_name: Bytes::copy_from_slice(name.as_str().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_it_was_written(bits: u128) {
            let id = Uuid::from_u128(bits);
            for form in [IdForm::Structured, IdForm::Text] {
                prop_assert_eq!(read_id(Some(&form.write(id))), Some(id));
            }
        }

        #[test]
        fn no_bytes_are_too_strange_for_a_name(bytes: Vec<u8>) {
            let given = client::StreamIdentifier { stream_name: bytes.into() };
            drop(stream_name(Some(given)));
        }
    }

    #[test]
    fn the_structured_form_holds_the_halves_as_signed_numbers() {
        let id = Uuid::from_u128(0xffff_ffff_ffff_ffff_0000_0000_0000_0001);
        let Some(client::uuid::Value::Structured(halves)) = IdForm::Structured.write(id).value
        else {
            panic!("structured");
        };
        assert_eq!(halves.most_significant_bits, -1);
        assert_eq!(halves.least_significant_bits, 1);
    }
}
