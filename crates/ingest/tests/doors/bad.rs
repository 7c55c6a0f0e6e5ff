//! What devices send that they should not.
//!
//! For: one table for the decoder and the doors.
//! May not know: what is done about it.

use domain::signal::Problem::{self, *};

/// A name, the bytes, and the problems the decoder finds, in order.
pub(crate) type Bad = (&'static str, Vec<u8>, Vec<Problem>);

fn text(name: &'static str, body: &str, problems: &[Problem]) -> Bad {
    (name, body.as_bytes().to_vec(), problems.to_vec())
}

/// A whole signal of the test's device in which one field is replaced.
fn with(name: &'static str, field: &str, value: &str, problems: &[Problem]) -> Bad {
    let plain = [
        ("device", "\"TEST-000123\"".to_owned()),
        ("press", format!("\"bad {}\"", name.replace('"', ""))),
        ("kind", "\"sos\"".to_owned()),
    ];
    let mut fields: Vec<String> = plain
        .iter()
        .filter(|(key, _)| *key != field)
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    if !value.is_empty() {
        fields.push(format!("\"{field}\":{value}"));
    }
    text(name, &format!("{{{}}}", fields.join(",")), problems)
}

pub(crate) fn table() -> Vec<Bad> {
    let long = |n: usize| format!("\"{}\"", "x".repeat(n));
    let nothing = [Unparseable, MissingDevice, MissingPress, MissingKind];
    let empty_object = [MissingDevice, MissingPress, MissingKind];
    let mut all = vec![
        // Not JSON, or not an object.
        text("nothing at all", "", &nothing),
        text("white space", " \r\n\t ", &nothing),
        text("null", "null", &nothing),
        text("true", "true", &nothing),
        text("a number", "42", &nothing),
        text("a string", "\"help\"", &nothing),
        text("an empty list", "[]", &nothing),
        text("plain words", "HELP ME 救命", &nothing),
        text("an open brace", "{", &nothing),
        text("a closing brace", "}", &nothing),
        text("html", "<html><body>help</body></html>", &nothing),
        text("xml", "<?xml version=\"1.0\"?><sos/>", &nothing),
        text("nested too deeply", &"[".repeat(5_000), &nothing),
        text("objects nested too deeply", &"{\"a\":".repeat(5_000), &nothing),
        ("zero bytes", vec![0; 64], nothing.to_vec()),
        ("bytes that are no text", vec![0xff, 0xfe, 0x80, 0x81], nothing.to_vec()),
        ("every byte there is", (0..=255).collect(), nothing.to_vec()),
        ("a compressed body", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], nothing.to_vec()),
        text("an AT command", "AT+CMGS=\"120\"\r", &nothing),
        text("an empty object", "{}", &empty_object),
        text("only unknown fields", "{\"id\":7,\"alarm\":true}", &empty_object),
        text("only nulls", "{\"device\":null,\"press\":null,\"kind\":null}", &empty_object),
        // What can still be found.
        text(
            "cut off in the text",
            "{\"device\":\"TEST-000123\",\"press\":\"cut\",\"kind\":\"sos\",\"text\":\"in the kit",
            &[Unparseable],
        ),
        text(
            "cut off in the kind",
            "{\"device\":\"TEST-000123\",\"press\":\"cut 2\",\"kind\":\"so",
            &[Unparseable, MissingKind],
        ),
        text(
            "single quotes",
            "{'device':'TEST-000123','press':'single','kind':'fall'}",
            &[Unparseable],
        ),
        text("a form", "device=TEST-000123&press=form&kind=sos", &[Unparseable]),
        text(
            "a comma too many",
            "{\"device\":\"TEST-000123\",\"press\":\"comma\",\"kind\":\"sos\",}",
            &[Unparseable],
        ),
        text(
            "a signal in a list",
            "[{\"device\":\"TEST-000123\",\"press\":\"list\",\"kind\":\"sos\"}]",
            &[Unparseable],
        ),
        text(
            "something behind it",
            "{\"device\":\"TEST-000123\",\"press\":\"behind\",\"kind\":\"sos\"} OK",
            &[Unparseable],
        ),
        text(
            "two in one",
            "{\"device\":\"TEST-000123\",\"press\":\"one\",\"kind\":\"sos\"}{\"device\":\"TEST-000123\",\"press\":\"two\",\"kind\":\"sos\"}",
            &[Unparseable],
        ),
        (
            "a text that is no UTF-8",
            b"{\"device\":\"TEST-000123\",\"press\":\"latin\",\"kind\":\"sos\",\"text\":\"caf\xe9\"}".to_vec(),
            vec![Unparseable],
        ),
        // The device.
        with("no device", "device", "", &[MissingDevice]),
        with("an empty device", "device", "\"\"", &[MissingDevice]),
        with("a blank device", "device", "\"  \"", &[MissingDevice]),
        with("a device that is true", "device", "true", &[Unparseable, MissingDevice]),
        with("a device that is an object", "device", "{\"id\":1}", &[Unparseable, MissingDevice]),
        with("a device that is a fraction", "device", "1.5", &[Unparseable, MissingDevice]),
        with("a device that is too long", "device", &long(65), &[FieldTooLong, MissingDevice]),
        with("a device with a slash", "device", "\"../etc\"", &[Unparseable, MissingDevice]),
        with("a device with a line break", "device", "\"a\\nb\"", &[Unparseable, MissingDevice]),
        with("a device with a zero", "device", "\"a\\u0000b\"", &[Unparseable, MissingDevice]),
        // The press.
        with("no press", "press", "", &[MissingPress]),
        with("an empty press", "press", "\"\"", &[MissingPress]),
        with("a press that is false", "press", "false", &[Unparseable, MissingPress]),
        with("a press that is a list", "press", "[1]", &[Unparseable, MissingPress]),
        with("a press that is too long", "press", &long(65), &[FieldTooLong]),
        with("a press with a bell", "press", "\"a\\u0007\"", &[Unparseable]),
        // The kind.
        with("no kind", "kind", "", &[MissingKind]),
        with("an empty kind", "kind", "\"\"", &[MissingKind]),
        with("a kind nobody knows", "kind", "\"flood\"", &[UnknownKind]),
        with("a kind that is a sentence", "kind", "\"please help\"", &[UnknownKind]),
        with("a kind in Chinese", "kind", "\"求救\"", &[UnknownKind]),
        with("a kind that is a number", "kind", "1", &[Unparseable, UnknownKind]),
        with("a kind that is too long", "kind", &long(200), &[FieldTooLong, UnknownKind]),
        // The time.
        with("a time in words", "at", "\"yesterday\"", &[BadTime]),
        with("a time that is a number", "at", "1768435200", &[BadTime]),
        with("a time without a zone", "at", "\"2026-01-15T08:30:00\"", &[BadTime]),
        with("a day that is not", "at", "\"2026-02-31T08:30:00Z\"", &[BadTime]),
        with("a time that is too long", "at", &long(5_000), &[BadTime]),
        // The place.
        with("a place that is text", "location", "\"home\"", &[BadLocation]),
        with("a place without longitude", "location", "{\"lat\":45.7}", &[BadLocation]),
        with("a place beyond the pole", "location", "{\"lat\":91,\"lon\":126}", &[BadLocation]),
        with("a place beyond the date line", "location", "{\"lat\":45,\"lon\":181}", &[BadLocation]),
        with("a place without a fix", "location", "{\"lat\":0,\"lon\":0}", &[BadLocation]),
        with("a place in quotes", "location", "{\"lat\":\"45.7\",\"lon\":\"126.6\"}", &[BadLocation]),
        with("a place of no size", "location", "{\"lat\":1e300,\"lon\":-1e300}", &[BadLocation]),
        with(
            "an accuracy below zero",
            "location",
            "{\"lat\":45.7,\"lon\":126.6,\"accuracy_m\":-5}",
            &[BadLocation],
        ),
        // Battery and text.
        with("a battery above full", "battery_pct", "101", &[BadBattery]),
        with("a battery below empty", "battery_pct", "-1", &[BadBattery]),
        with("a battery in words", "battery_pct", "\"low\"", &[BadBattery]),
        with("a battery in quotes", "battery_pct", "\"83\"", &[BadBattery]),
        with("a battery that is a list", "battery_pct", "[83]", &[BadBattery]),
        with("a text that is too long", "text", &long(2_001), &[TextTruncated]),
        with("a text that is an object", "text", "{\"a\":1}", &[Unparseable]),
        with("a number too large for anything", "battery_pct", "1e999", &[]),
    ];
    // JSON's own reader refuses this number, so the whole is not JSON any more; the names are still found.
    if let Some(last) = all.last_mut() {
        last.2 = vec![Unparseable];
    }
    all
}
