//! Every code of panels, and what it means to us.
//!
//! For: Contact ID event codes (DC-05) and codes of two letters (DC-03), in one table each.
//! May not know: how payloads are written.
//!
//! [`SignalKind::Unknown`] in a table says: known, needs a person, and has no kind of its own here (a burglar, burst
//! pipes). A code that stands in no table is `None`, and needs a person as well.

use domain::signal::{SignalClass, SignalKind};
use std::ops::RangeInclusive;

use SignalKind::{
    Cancel, DeviceFault, Gas, Inactivity, LineLost, LowBattery, MainsLost, MainsRestored, Service,
    Smoke, Sos, Tamper, Test, Unknown,
};

/// Contact ID (ANSI/SIA DC-05): first match counts.
const CONTACT_ID: &[(RangeInclusive<u16>, SignalKind)] = &[
    // Medical, personal emergency (a pendant), fail to report in.
    (100..=101, Sos),
    (102..=102, Inactivity),
    // Fire, smoke, combustion, water flow, heat, pull station, duct, flame, near alarm.
    (110..=118, Smoke),
    // Panic, duress, silent, audible, duress at access and egress.
    (120..=125, Sos),
    // Tamper stands amid the burglary family.
    (137..=137, Tamper),
    (130..=139, Unknown),
    (144..=145, Tamper),
    // Silent burglary; sensor supervision.
    (146..=146, Unknown),
    (147..=147, DeviceFault),
    // 24 hours, not burglary: what a pull cord is often set to.
    (150..=150, Sos),
    (151..=151, Gas),
    // Refrigeration, loss of heat, water leak.
    (152..=154, Unknown),
    // Low bottled gas, high and low temperature.
    (157..=159, Unknown),
    (161..=161, Unknown),
    // Carbon monoxide.
    (162..=162, Gas),
    (163..=163, Unknown),
    (300..=300, DeviceFault),
    (301..=301, MainsLost),
    (302..=302, LowBattery),
    // System reset.
    (305..=305, Test),
    // Battery test failed, battery missing.
    (309..=309, LowBattery),
    (311..=311, LowBattery),
    // Radio jammed; lines, radio, polling lost.
    (344..=344, LineLost),
    (350..=356, LineLost),
    (370..=370, DeviceFault),
    (373..=373, DeviceFault),
    (375..=375, DeviceFault),
    (380..=380, DeviceFault),
    // A wireless transmitter is not heard any more.
    (381..=381, LineLost),
    (382..=382, DeviceFault),
    (383..=383, Tamper),
    // A wireless transmitter's battery.
    (384..=384, LowBattery),
    (385..=389, DeviceFault),
    (391..=391, DeviceFault),
    (393..=393, DeviceFault),
    // Cancelled by its user; the rest of the family opens and closes.
    (406..=406, Cancel),
    (400..=409, Test),
    (441..=441, Test),
    (451..=459, Test),
    // A zone is bypassed: somebody may be without protection.
    (570..=570, DeviceFault),
    (601..=605, Test),
    // Listen-in follows: a person must expect the call.
    (606..=606, Service),
    (607..=607, Test),
    // Periodic test, with trouble.
    (608..=608, DeviceFault),
    (609..=609, Test),
    (611..=612, Test),
    (616..=616, Service),
    // Entries of the panel's own log.
    (621..=629, Test),
    // Senior watch, latch key, no activity in the system.
    (641..=642, Inactivity),
    (654..=654, Inactivity),
];

/// Codes of two letters (ANSI/SIA DC-03) that the rule of [`FAMILIES`] does not give.
const TWO_LETTERS: &[(&[u8; 2], SignalKind)] = &[
    // Activity has resumed; a burglar alarm was cancelled.
    (b"NA", Inactivity),
    (b"NS", Cancel),
    (b"BC", Cancel),
    // EA is the exit alarm, not an emergency, which is QA.
    (b"EA", Unknown),
    (b"EE", Unknown),
    (b"ER", Test),
    (b"ET", DeviceFault),
    (b"UX", Unknown),
    // Batteries: the system's, a wireless transmitter's.
    (b"YT", LowBattery),
    (b"YM", LowBattery),
    (b"YR", Test),
    (b"XT", LowBattery),
    (b"XR", Test),
    (b"AT", MainsLost),
    (b"AR", MainsRestored),
    // Communication, line, network.
    (b"YC", LineLost),
    (b"YS", LineLost),
    (b"YK", Test),
    (b"LT", LineLost),
    (b"LR", Test),
    (b"NT", LineLost),
    (b"NC", LineLost),
    (b"NR", Test),
    // Radio.
    (b"XQ", LineLost),
    (b"XH", Test),
    (b"XL", DeviceFault),
    (b"XS", Tamper),
    (b"TA", Tamper),
    (b"TR", Test),
    // Tests, power up.
    (b"RP", Test),
    (b"RX", Test),
    (b"TX", Test),
    (b"TS", Test),
    (b"TE", Test),
    (b"RR", Test),
    // Listen-in begins and ends.
    (b"LF", Service),
    (b"LE", Test),
    (b"OP", Test),
    (b"CL", Test),
    (b"CI", Test),
];

/// First letters whose second letter means the same everywhere, and what their alarm is.
const FAMILIES: &[(u8, SignalKind)] = &[
    (b'M', Sos),
    // Emergency.
    (b'Q', Sos),
    // Panic, hold-up.
    (b'P', Sos),
    (b'H', Sos),
    // An untyped zone, as Contact ID 150.
    (b'U', Sos),
    (b'F', Smoke),
    (b'K', Smoke),
    (b'G', Gas),
    // Water, freeze, burglary.
    (b'W', Unknown),
    (b'Z', Unknown),
    (b'B', Unknown),
];

/// What an event code of Contact ID means; `None` when it stands in no table.
pub(crate) fn contact_id(code: u16, restored: bool) -> Option<SignalKind> {
    let known = CONTACT_ID.iter().find(|(codes, _)| codes.contains(&code));
    known.map(|(_, kind)| if restored { restoral(*kind) } else { *kind })
}

/// What two letters mean; `None` when they stand in no table.
pub(crate) fn two_letters(code: [u8; 2]) -> Option<SignalKind> {
    let known = TWO_LETTERS.iter().find(|(letters, _)| **letters == code);
    if let Some((_, kind)) = known {
        return Some(*kind);
    }
    let [first, second] = code;
    let (_, alarm) = FAMILIES.iter().find(|(letter, _)| *letter == first)?;
    Some(match second {
        b'A' => *alarm,
        b'R' | b'H' => restoral(*alarm),
        // Trouble, bypass, supervisory.
        b'T' | b'B' | b'S' => DeviceFault,
        // Trouble restored, bypass ended, test.
        b'J' | b'U' | b'X' => Test,
        _ => return None,
    })
}

/// The end of a condition. It closes nothing here: the panel is well again, the person may not be.
fn restoral(kind: SignalKind) -> SignalKind {
    match kind.class() {
        SignalClass::Alarm | SignalClass::Cancel => Cancel,
        _ if kind == MainsLost => MainsRestored,
        _ => Test,
    }
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
