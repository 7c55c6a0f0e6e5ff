//! Arrays as text in a statement.
//!
//! For: sending several statements and what they are asked with in one message, which the protocol allows only as text.
//! May not know: the statements. Rules: PostgreSQL manual, "String Constants" (standard-conforming) and "Array Input and
//! Output Syntax".

use uuid::Uuid;

use super::trouble::Trouble;

/// `'{1,2}'`
pub(super) fn numbers(items: &[i64]) -> String {
    array(items, |text, item| {
        text.push_str(&item.to_string());
    })
}

/// `'{…,NULL}'`
pub(super) fn uuids(items: impl IntoIterator<Item = Option<Uuid>>) -> String {
    array(items, |text, item| match item {
        Some(id) => text.push_str(&id.to_string()),
        None => text.push_str("NULL"),
    })
}

/// `'{"a","b"}'`. A text with a NUL ends the message, and PostgreSQL keeps none: such a one is refused.
pub(super) fn texts(items: &[&str]) -> Result<String, Trouble> {
    if items.iter().any(|item| item.contains('\0')) {
        return Err(Trouble::Failed("a name holds a NUL character".to_owned()));
    }
    Ok(array(items, |text, item| quoted(text, item)))
}

/// `'{"\\x6162"}'`
pub(super) fn bytes(items: &[&[u8]]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    array(items, |text, item| {
        text.push_str("\"\\\\x");
        for byte in *item {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text.push('"');
    })
}

/// One text, quoted: `'it''s'`.
pub(super) fn text(item: &str) -> String {
    format!("'{}'", item.replace('\'', "''"))
}

fn quoted(text: &mut String, item: &str) {
    text.push('"');
    for char in item.chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            '\'' => text.push_str("''"),
            _ => text.push(char),
        }
    }
    text.push('"');
}

fn array<T>(items: impl IntoIterator<Item = T>, mut put: impl FnMut(&mut String, T)) -> String {
    let mut text = String::from("'{");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        put(&mut text, item);
    }
    text.push_str("}'");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_stays_inside_its_quotes() {
        let names = texts(&["a", "it's", "q\"uote", "back\\slash", "老人, {x}", ""]).unwrap();
        assert_eq!(
            names,
            r#"'{"a","it''s","q\"uote","back\\slash","老人, {x}",""}'"#
        );
        assert!(texts(&["a\0b"]).is_err());
        assert_eq!(text("it's"), "'it''s'");
    }

    #[test]
    fn bytes_numbers_and_ids_are_spelt_out() {
        assert_eq!(bytes(&[b"a\xff", b""]), r#"'{"\\x61ff","\\x"}'"#);
        assert_eq!(numbers(&[1, -2]), "'{1,-2}'");
        assert_eq!(numbers(&[]), "'{}'");
        let id = Uuid::nil();
        assert_eq!(uuids([Some(id), None]), format!("'{{{id},NULL}}'"));
    }
}
