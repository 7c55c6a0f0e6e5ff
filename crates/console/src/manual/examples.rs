//! Examples for the manual: one evening in Daoli, invented.
//!
//! For: showing every message as people of the field would meet it. A test holds them against the shapes.
//! May not know: anybody real.

use serde_json::{Value, json};

/// The incident all examples are about.
pub(super) const INCIDENT: &str = "9a0c3c0e-6f6b-5a43-8f0e-1b7d6f2f8a11";
/// When it began.
pub(super) const AT: i64 = 1_768_437_000_000;
const COMMAND: &str = "6f1c1d6e-3a52-4d0f-9d0b-6a4a3f1e2c77";

/// A card: accepted, a carer on the way. Whose record it is stands in `resident`.
pub(super) fn card() -> Value {
    let mut card: Value =
        serde_json::from_str(include_str!("card.json")).expect("the example is JSON");
    card["resident"] = resident();
    card
}

pub(super) fn resident() -> Value {
    json!({
        "id": "HRB-R-000123", "name": "王秀兰", "name_latin": "Wang Xiulan", "age": 84, "sex": "f", "phone": "138-0000-0001",
        "compound": "安康小区", "building": "3号楼", "unit": "2单元", "floor": "5层", "door": "502室", "access": "密码盒 1234",
        "address_line": "道里区尚志社区安康小区3号楼2单元5层502室", "community": "尚志社区", "grid": 4, "grid_worker": "赵网格员",
        "hearing": "hard", "dialect": "东北话", "conditions": ["高血压"], "medicines": ["阿司匹林"], "hospital": "哈尔滨市第一医院",
        "household": [], "home_station": "尚志服务站", "notes": "", "erased": false,
        "holds": [{ "case": "2026-119", "why": "投诉调查", "until": 1_803_916_800_000_i64 }],
        "english": {
            "address_line": "Daoli District, Shangzhi Community, Ankang Xiaoqu, Building 3, Unit 2, Floor 5, Room 502",
            "door": "Building 3, Unit 2, Floor 5, Room 502", "access": "", "community": "Shangzhi Community", "grid_worker": "Grid worker Zhao",
            "home_station": "Shangzhi station", "dialect": "Northeastern Mandarin", "conditions": ["high blood pressure"],
            "medicines": ["aspirin"], "hospital": "Harbin First Hospital", "household": [], "notes": "",
        },
        "contacts": [{ "order": 1, "name": "李娜", "name_en": "Li Na", "relation": "女儿", "relation_en": "daughter",
            "phone": "139-0000-0001", "has_key": true, "minutes_away": 15 }],
        "earlier": [{ "id": "1f6c7d2a-0c55-5b0e-9a57-0d3c5e1b2f90", "at": 1_767_000_000_000_i64, "kind": "fall", "reason": "FALL-NOINJ", "outcome": "LIFTED" }],
    })
}

pub(super) fn targets() -> Value {
    json!({
        "sites": [{ "site": "HRB-230102-01", "seconds": 410 }],
        "people": [{ "operator": "li", "name": "李敏", "name_en": "Li Min", "post": "护理员", "post_en": "Carer", "party": party() }],
    })
}

pub(super) fn claimed() -> Value {
    json!({
        "name": "王秀兰", "name_latin": "Wang Xiulan", "phone": "138-0000-0001",
        "address_line": "道里区尚志社区安康小区3号楼2单元5层502室",
        "address_line_en": "Daoli District, Shangzhi Community, Ankang Xiaoqu, Building 3, Unit 2, Floor 5, Room 502", "erased": false,
    })
}

pub(super) fn line() -> Value {
    json!({ "revision": 5, "position": 4_715, "at": AT + 20_000, "kind": "Accepted", "by": "王秀英", "by_en": "Wang Xiuying",
        "args": ["尚志服务站"], "args_en": ["Shangzhi station"] })
}

pub(super) fn site() -> Value {
    json!({
        "id": "HRB-230102-01", "kind": "station", "name": "尚志服务站", "name_en": "Shangzhi station", "district": "230102",
        "lon": 126.612, "lat": 45.755, "phone": "0451-5550100", "open_now": true, "on_duty": 1, "with_sound": 1, "load": 1,
        "capacity": 3, "can_answer": true, "can_send": true,
    })
}

pub(super) fn about() -> Value {
    json!({
        "version": "0.1.0", "protocol": wire::CONSOLE_PROTOCOL, "demo": false, "time_zone": "Asia/Shanghai", "duty_phone": "12349",
        "demo_accounts": [], "drive_speed": null,
    })
}

fn party() -> Value {
    json!({ "party": "site", "id": "HRB-230102-01", "name": "尚志服务站", "name_en": "Shangzhi station", "phone": "0451-5550100" })
}

fn me() -> Value {
    json!({
        "operator": "wang", "name": "王秀英", "name_en": "Wang Xiuying", "post": "护理员", "post_en": "Carer", "role": "operator", "scope": "site", "scope_id": "HRB-230102-01",
        "scope_name": "尚志服务站", "scope_name_en": "Shangzhi station", "responder": null, "parties": [party()],
    })
}

pub(super) fn session() -> Value {
    json!({ "token": "w0yqg3W2nR8sT4uV6aB7cD8emC1k0o9ZcXy1zV5pB3w", "me": me() })
}

fn order(act: &Value) -> Value {
    json!({ "id": COMMAND, "seen": 12, "do": act })
}

/// Commands by what they are for.
pub(super) fn commands() -> [(&'static str, Value); 5] {
    let closing = json!({ "act": "resolve", "reason": "FALL-NOINJ", "actions": ["STATION-VISIT", "TALKED"], "outcome": "LIFTED",
        "note": "扶起,血压正常" });
    [
        ("accept", order(&json!({ "act": "accept" }))),
        (
            "contact",
            order(&json!({ "act": "try_contact", "order": 0, "result": "no_answer" })),
        ),
        (
            "send",
            order(&json!({ "act": "send_responder", "responder": "HRB-230102-01-c1" })),
        ),
        (
            "hold",
            order(&json!({ "act": "hold", "reason": "family_coming", "minutes": 5 })),
        ),
        ("resolve", order(&closing)),
    ]
}

/// What a page says.
pub(super) fn from_page() -> Vec<Value> {
    vec![
        json!({ "t": "resume", "console": "tab-1", "position": null }),
        json!({ "t": "sign_on", "party": "site", "id": "HRB-230102-01", "sound": true }),
        json!({ "t": "sound", "proven": true }),
        json!({ "t": "shown", "incident": INCIDENT, "revision": 4, "sounded": true }),
        json!({ "t": "command", "incident": INCIDENT, "command": order(&json!({ "act": "accept" })) }),
        json!({ "t": "ping", "n": 7 }),
        json!({ "t": "seek", "position": 4_711 }),
        json!({ "t": "sign_off" }),
    ]
}

/// What a page hears.
pub(super) fn to_page() -> Vec<Value> {
    let counts = json!({ "waiting": 1, "in_hand": 2, "held": 0, "closed_today": 14, "sites_open": 98, "sites_with_sound": 41, "operators_on_duty": 57 });
    let now = AT + 42_000;
    vec![
        json!({ "t": "hello", "protocol": wire::CONSOLE_PROTOCOL, "version": "0.1.0", "position": 4_710, "now": AT, "me": me(), "duty": null,
            "replay": false, "demo": false }),
        json!({ "t": "health", "troubles": [{ "code": "no_dispatcher", "standing": false, "since": AT, "args": [] }] }),
        json!({ "t": "duty", "duty": party(), "sound": true }),
        json!({ "t": "snapshot", "position": 4_710, "now": AT, "cards": [], "counts": counts }),
        json!({ "t": "changes", "position": 4_718, "now": now, "counts": counts, "changes": [
            { "c": "upsert", "card": card() },
            { "c": "remove", "id": "1f6c7d2a-0c55-5b0e-9a57-0d3c5e1b2f90", "why": "accepted_elsewhere", "by": "李敏", "by_en": "Li Min" },
        ] }),
        json!({ "t": "result", "command": COMMAND, "done": { "revision": 13, "position": 4_719, "repeated": false }, "refused": null }),
        json!({ "t": "result", "command": COMMAND, "done": null, "refused": { "type": "/problems/already-accepted",
            "title": "somebody has accepted it already", "status": 409, "code": "already_accepted", "who": "李敏", "who_en": "Li Min" } }),
        json!({ "t": "pong", "n": 7, "now": now }),
        json!({ "t": "signed_out", "why": "expired" }),
    ]
}
