//! A panel's frame becomes signals.
//!
//! For: whose they are, what they say, which press they are, and what was wrong.
//! May not know: the log, who is enrolled, what is answered.

use super::{
    frame::{Frame, Token},
    payload::{self, Said},
    split::Broken,
};
use crate::{
    decode::{self, KIND_LIMIT, Place, Reading, TEXT_LIMIT},
    limits::PANEL_CODES,
};
use casebook::streams::short_hash;
use domain::{
    DeviceId,
    signal::{Problem, SignalKind},
};

/// What a device's identifier begins with when it is a panel, spoken to by account.
pub(crate) const PREFIX: &str = "dc09-";

/// One signal, and the devices it may be from, the most exact first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) reading: Reading,
    pub(crate) devices: Vec<DeviceId>,
}

/// The devices an account may stand for: with the line it came by as a prefix, and without.
pub(crate) fn devices(frame: &Frame<'_>, account: &str) -> Vec<DeviceId> {
    let account = account.to_ascii_uppercase();
    let line = String::from_utf8_lossy(frame.line).to_ascii_uppercase();
    let line = line.trim_start_matches('0');
    let with_line = (!line.is_empty()).then(|| format!("{PREFIX}L{line}-{account}"));
    let names = with_line.into_iter().chain([format!("{PREFIX}{account}")]);
    names
        .filter_map(|name| DeviceId::parse(&name).ok())
        .collect()
}

/// The signals of a frame that is no poll; at least one.
pub(crate) fn signals(frame: &Frame<'_>, body: &[u8], broken: Option<Broken>) -> Vec<Signal> {
    let block = frame.blocks.first().copied().unwrap_or_default();
    let (inner, payload) = if frame.encrypted {
        (None, &b""[..])
    } else {
        payload::split(block)
    };
    let said = match frame.token {
        _ if frame.encrypted => Vec::new(),
        Token::Sia => payload::two_letters(payload),
        Token::ContactId => payload::contact_id(payload).into_iter().collect(),
        _ => Vec::new(),
    };
    let base = base(frame, inner, broken);
    let mut all: Vec<Reading> = said
        .iter()
        .map(|said| with_code(base.clone(), frame, said))
        .collect();
    if all.is_empty() {
        all.push(without_code(base, frame));
    }
    if all.len() > PANEL_CODES {
        let rest = all.split_off(PANEL_CODES);
        all.extend(rest.into_iter().min_by_key(|it| it.kind.priority()));
        if let Some(last) = all.last_mut() {
            last.note(Problem::FieldTooLong);
        }
    }
    let devices = owners(frame, inner);
    let finished = all.into_iter().enumerate().map(|(nth, mut reading)| {
        press(frame, nth, &mut reading);
        Signal {
            reading: decode::finish(reading, body),
            devices: devices.clone(),
        }
    });
    finished.collect()
}

/// A frame that is whole and has no shape: nobody's, of no kind. The same bytes again are the same press.
pub(crate) fn unread(body: &[u8]) -> Signal {
    let mut reading = Reading::empty();
    reading.note(Problem::MissingDevice);
    reading.note(Problem::Unparseable);
    let content: String = body.iter().copied().map(char::from).collect();
    reading.press = format!("0000-{}", &short_hash(&content)[..16]);
    Signal {
        reading: decode::finish(reading, body),
        devices: Vec::new(),
    }
}

/// One unit may serve several accounts: the one beside the code says whose it is, the header's which unit.
fn owners(frame: &Frame<'_>, inner: Option<&str>) -> Vec<DeviceId> {
    let mut owners = inner.map_or_else(Vec::new, |account| devices(frame, account));
    let unit = frame.account.into_iter().flat_map(|it| devices(frame, it));
    for device in unit {
        if !owners.contains(&device) {
            owners.push(device);
        }
    }
    owners
}

/// What all codes of a frame have in common.
fn base(frame: &Frame<'_>, inner: Option<&str>, broken: Option<Broken>) -> Reading {
    let mut reading = Reading::empty();
    let account = inner.or(frame.account);
    reading.device = account.and_then(|account| devices(frame, account).pop());
    if reading.device.is_none() {
        reading.note(Problem::MissingDevice);
    }
    match broken {
        Some(Broken::TooLong) => reading.note(Problem::FieldTooLong),
        Some(Broken::Checksum | Broken::Cut) => reading.note(Problem::Unparseable),
        None if frame.odd => reading.note(Problem::Unparseable),
        None => {}
    }
    if frame.encrypted {
        return reading;
    }
    match frame.time() {
        Ok(at) => reading.device_at = at,
        Err(()) => reading.note(Problem::BadTime),
    }
    match place(frame) {
        Ok(place) => reading.location = place,
        Err(()) => reading.note(Problem::BadLocation),
    }
    reading
}

fn with_code(mut reading: Reading, frame: &Frame<'_>, said: &Said) -> Reading {
    if said.odd {
        reading.note(Problem::Unparseable);
    }
    reading.kind = said.kind.unwrap_or(SignalKind::Unknown);
    if reading.kind == SignalKind::Unknown {
        reading.note(Problem::UnknownKind);
        let sia = frame.token == Token::Sia;
        let notation = if sia { "sia" } else { "cid" };
        reading.kind_word = Some(format!("{notation}-{}", said.code));
    }
    let said = [
        said.code.clone(),
        said.unit.clone(),
        words(&said.words),
        extended_words(frame),
    ];
    write_text(&mut reading, &said);
    reading
}

/// A frame whose data we cannot read: enciphered, of a notation we do not speak, or torn.
fn without_code(mut reading: Reading, frame: &Frame<'_>) -> Reading {
    reading.note(match frame.token {
        _ if frame.encrypted => Problem::MissingKey,
        Token::Unknown => Problem::UnknownKind,
        _ => Problem::MissingKind,
    });
    let word = String::from_utf8_lossy(frame.word).to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_word = !word.is_empty() && word.len() <= KIND_LIMIT && word.chars().all(plain);
    reading.kind_word = is_word.then_some(word);
    if !frame.encrypted {
        write_text(&mut reading, &[extended_words(frame)]);
    }
    reading
}

/// Alarm text, location on site, building, room, site, and a reference to sound or pictures, which nobody follows here.
fn extended_words(frame: &Frame<'_>) -> String {
    let found = b"ILORSV".iter().filter_map(|letter| frame.block(*letter));
    let found: Vec<String> = found.map(words).collect();
    found.join(" ")
}

fn write_text(reading: &mut Reading, said: &[String]) {
    let said: Vec<&str> = said.iter().map(|it| it.trim()).collect();
    let said = said.into_iter().filter(|it| !it.is_empty());
    let text = said.collect::<Vec<_>>().join(" ");
    let cut: String = text.chars().take(TEXT_LIMIT).collect();
    if cut.len() < text.len() {
        reading.note(Problem::TextTruncated);
    }
    reading.text = Some(cut).filter(|it| !it.is_empty());
}

/// Which press it is. A panel sends the same number and content again until it is answered, and begins at 1 after a
/// restart: number and content together tell presses apart.
fn press(frame: &Frame<'_>, nth: usize, reading: &mut Reading) {
    let (_, sender) = super::frame::run(frame.header, u8::is_ascii_digit);
    let mut content = [frame.word, sender, nth.to_string().as_bytes()].join(&0);
    if !frame.encrypted {
        // The same again, enciphered, differs in every byte; then the number alone must tell.
        content.extend(frame.blocks.join(&b']'));
    }
    let sequence = frame.sequence.filter(|number| *number > 0);
    if sequence.is_none() {
        reading.note(Problem::MissingPress);
        if reading.device_at.is_none() {
            // Nothing tells it from the next: two alarms rather than none.
            return;
        }
        content.extend_from_slice(frame.tail);
    }
    // Byte for byte: a replaced character must not make two contents one.
    let content: String = content.into_iter().map(char::from).collect();
    let hash = short_hash(&content);
    reading.press = format!("{:04}-{}", sequence.unwrap_or_default(), &hash[..16]);
}

/// The position in the blocks X and Y: degrees, hemisphere, decimal minutes.
fn place(frame: &Frame<'_>) -> Result<Option<Place>, ()> {
    let (Some(lon), Some(lat)) = (frame.block(b'X'), frame.block(b'Y')) else {
        return Ok(None);
    };
    let lon_e6 = degrees_e6(lon, b"EW", 180).ok_or(())?;
    let lat_e6 = degrees_e6(lat, b"NS", 90).ok_or(())?;
    // What a receiver without a fix says.
    if (lon_e6, lat_e6) == (0, 0) {
        return Err(());
    }
    Ok(Some(Place {
        lon_e6,
        lat_e6,
        accuracy_m: None,
    }))
}

/// `126E32.1000000`: millionths of a degree, negative to the west and south.
fn degrees_e6(text: &[u8], hemispheres: &[u8; 2], limit: i32) -> Option<i32> {
    let at = text.iter().position(u8::is_ascii_alphabetic)?;
    let number = |bytes| std::str::from_utf8(bytes).ok()?.trim().parse::<f64>().ok();
    let (degrees, minutes): (f64, f64) = (number(&text[..at])?, number(&text[at + 1..])?);
    let whole = degrees.fract() == 0.0 && (0.0..=f64::from(limit)).contains(&degrees);
    if !whole || !(0.0..60.0).contains(&minutes) {
        return None;
    }
    let value = ((degrees + minutes / 60.0) * 1e6).round() as i32;
    let side = hemispheres
        .iter()
        .position(|it| it.eq_ignore_ascii_case(&text[at]))?;
    let value = if side == 0 { value } else { -value };
    (value.abs() <= limit * 1_000_000).then_some(value)
}

/// Text of an unknown character set: UTF-8 where it is, else Windows-1252, in which the standard has it.
fn words(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
    }
}

fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte.checked_sub(0x80) {
        Some(at) => FROM_80
            .get(usize::from(at))
            .copied()
            .unwrap_or(char::from(byte)),
        None => char::from(byte),
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
