//! Records in plain words, in Chinese and English.
//!
//! For: whoever reads an evidence pack without our screens.
//! May not know: what is sealed; only what stands open in a record is said.

use eventlog::Recorded;
use notary::Words;
use serde_json::Value;

/// Changes with any change of the words below, so that old packs are not taken for changed ones.
const EDITION: u32 = 1;

/// China has one time zone, without summer time.
const HARBIN_SECONDS: i64 = 8 * 3_600;

/// Longest value that is repeated, in letters.
const VALUE: usize = 60;

/// Stored names and what they say.
const NAMES: &[(&str, &str, &str)] = &[
    ("IncidentOpened", "求助事件开始", "incident opened"),
    ("AlarmJoined", "又一次呼叫并入", "another alarm joined"),
    ("Offered", "派单", "offered"),
    (
        "OfferShown",
        "屏幕已显示并响铃",
        "shown and sounded on a screen",
    ),
    ("OfferUnseen", "没有屏幕显示", "no screen showed it"),
    ("DutyPhoneRung", "拨打值班手机", "duty phone rung"),
    ("OfferDeclined", "退单", "declined"),
    ("Escalated", "逐级上报", "escalated"),
    ("Accepted", "接单", "accepted"),
    ("AcceptanceLapsed", "接单超时", "acceptance lapsed"),
    ("TalkStarted", "开始通话", "talk started"),
    ("StillOnIt", "还在处理", "still on it"),
    ("ProgressOverdue", "进展超时", "progress overdue"),
    ("HandedOver", "交接", "handed over"),
    ("Held", "挂起", "held"),
    ("HoldEnded", "挂起结束", "hold ended"),
    ("ContactTried", "联系紧急联系人", "contact tried"),
    ("ResponderSent", "派出上门人员", "responder sent"),
    ("ResponderDelayed", "上门人员延误", "responder delayed"),
    ("ResponderArrived", "上门人员到达", "responder arrived"),
    ("ResponderReturned", "上门人员返回", "responder returned"),
    (
        "EmergencyServiceCalled",
        "已拨打急救或报警电话",
        "emergency service called",
    ),
    ("NoteAdded", "记录备注", "note added"),
    ("ProtocolAnswered", "问答记录", "protocol answered"),
    ("Transferred", "转派", "transferred"),
    ("Resolved", "办结", "resolved"),
    ("Reopened", "重新处置", "reopened"),
    ("FollowUpDone", "回访", "follow-up done"),
    ("ReviewOpened", "复盘开始", "review opened"),
    ("ReviewClosed", "复盘结束", "review closed"),
    ("AlarmReceived", "收到紧急呼叫", "alarm received"),
    ("TestReceived", "收到测试", "test received"),
    ("TroubleReported", "设备告警", "device trouble reported"),
    ("DeviceFellSilent", "设备失联", "device fell silent"),
    ("DeviceReturned", "设备恢复", "device returned"),
    ("CareOpened", "开始照护", "care opened"),
    ("AlarmHandled", "呼叫已处理", "alarm handled"),
    ("CareClosed", "照护结束", "care closed"),
    ("CareReopened", "照护重新开始", "care reopened"),
];

/// A line for each record, in both languages.
pub(super) fn words(records: &[&Recorded]) -> Words {
    let mut words = Words {
        edition: EDITION,
        ..Words::default()
    };
    for record in records {
        let known = NAMES.iter().find(|(name, ..)| *name == &*record.kind);
        let (zh, en) = known.map_or((&*record.kind, &*record.kind), |(_, zh, en)| (zh, en));
        let (at, said) = (time(record.recorded_at), open_fields(record));
        words.zh.push(format!("{at} {zh}{said}"));
        words.en.push(format!("{at} {en}{said}"));
    }
    words
}

fn time(micros: i64) -> String {
    let there = micros.saturating_add(HARBIN_SECONDS * 1_000_000);
    let text = jiff::Timestamp::from_microsecond(there).map(|at| at.to_string());
    let text = text.unwrap_or_default();
    format!("{}+08:00", text.trim_end_matches('Z'))
}

/// What stands open at the top of a record, but for its own time, and who acted.
fn open_fields(record: &Recorded) -> String {
    let Ok(Value::Object(body)) = serde_json::from_slice(&record.body) else {
        return String::new();
    };
    let fields = body.iter().filter(|(name, _)| *name != "at");
    let said = fields.filter_map(|(name, value)| Some(format!("{name} {}", plain(value)?)));
    let said: Vec<String> = said.collect();
    match said.is_empty() {
        true => String::new(),
        false => format!(" ({})", said.join(", ")),
    }
}

/// A value that is one word, or an actor or party by its kind and name.
fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Object(map) if !map.contains_key("box") => {
            let parts: Vec<&str> = map.values().filter_map(Value::as_str).collect();
            parts.join(" ")
        }
        _ => return None,
    };
    (!text.is_empty() && text.chars().count() <= VALUE).then_some(text)
}
