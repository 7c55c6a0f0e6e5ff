//! Incidents, commands and the live console, in the manual.
//!
//! For: `/v1/incidents…` and `/v1/console`.
//! May not know: how it is done (`api`, `orders`, `live`).

use super::{Answers, examples};
use crate::{names::Named, options::PAGE_LIMIT, problem::Failure};
use domain::codes::{Action, Outcome, Reason};
use manual::{
    HttpMethod::{Get, Post},
    Manual, Operation, Type,
};
use serde_json::json;
use wire::{
    card::Card,
    console::{
        ClaimIn, ClaimedRecord, CommandIn, CommandOut, IncidentPage, IncidentStory, Targets,
    },
};

pub(super) fn described(manual: Manual) -> Manual {
    manual
        .on(Get, "/v1/incidents", list())
        .on(Get, "/v1/incidents/{id}", one())
        .on(Get, "/v1/incidents/{id}/events", story())
        .on(Post, "/v1/incidents/{id}/commands", command())
        .on(Get, "/v1/incidents/{id}/targets", targets())
        .on(Post, "/v1/incidents/{id}/claim", claim())
        .on(Get, "/v1/console", live())
}

const INCIDENT_ID: &str = "呼叫编号(UUID) · The incident's UUID";

fn list() -> Operation {
    let page = json!({ "position": 4_718, "incidents": [examples::card()], "next": null });
    let limit = format!("每页至多 {PAGE_LIMIT} 条 · At most {PAGE_LIMIT} a page");
    let wrong = Failure::malformed("limit: a number from 1 to 200");
    Operation::new("呼叫列表 · Calls", "calls")
        .about(
            "在办的最急最早在前,办结的最新在前 · Open ones: most pressing, then oldest; closed ones: newest first. \
             A page of closed ones may be short and still have a `next`.",
        )
        .signed_in()
        .query_of("state", &["open", "closed"], "在办(默认)或已办结 · Open (the default) or closed")
        .query("after", Type::String, "上一页的 `next` · The last page's `next`")
        .query("limit", Type::Integer, &limit)
        .query("district", Type::String, "区划代码,如 `230102` · District code")
        .gives::<IncidentPage>(200, "您能看的 · What you may see", page)
        .no(wrong, "看不懂 · It cannot be understood")
}

fn one() -> Operation {
    Operation::new("一张呼叫卡 · One call", "calls")
        .signed_in()
        .about_one("incident", INCIDENT_ID)
        .gives::<Card>(200, "整张卡 · The whole card", examples::card())
}

fn story() -> Operation {
    let story = json!({
        "incident": examples::INCIDENT,
        "events": [examples::line()],
        "around": [{ "position": 4_711, "at": examples::AT }],
    });
    Operation::new("一个呼叫的经过 · A call's history", "calls")
        .about("供重放:每行有日志位置;`around` 是前后整个队列的时刻,至多 5000 个 · For replay: lines with positions, and moments of the queue around it.")
        .signed_in()
        .about_one("incident", INCIDENT_ID)
        .gives::<IncidentStory>(200, "从头到尾 · From beginning to end", story)
}

fn command() -> Operation {
    let done = json!({ "revision": 13, "position": 4_719, "repeated": false });
    let refused = |code: &str, title: &str| Failure::refused(code, title, None);
    let taken = Failure::refused(
        "already_accepted",
        "somebody has accepted it already",
        Some(Named::person("王秀英")),
    );
    let operation = Operation::new("对呼叫做一件事 · Do something with a call", "calls")
        .about(&acts())
        .signed_in()
        .own_page_only()
        .about_one("incident", INCIDENT_ID)
        .takes::<CommandIn>(examples::commands())
        .reads_json()
        .gives::<CommandOut>(
            200,
            "已入日志,本进程也已显示 · In the log, and shown by this process",
            done,
        )
        .no(
            Failure::forbidden("only a manager closes a review"),
            "不该您做 · Not for you to do",
        );
    operation
        .no(taken, "已有人接单(`who`) · Somebody has it (`who`)")
        .no(
            Failure::refused(
                "not_yours",
                "somebody else has it",
                Some(Named::person("李敏")),
            ),
            "在别人手里(`who`) · It is somebody else's",
        )
        .no(
            refused(
                "unread_alarm",
                "an alarm has joined that was not on the screen",
            ),
            "又按了一次,先看 · An alarm has joined: look first",
        )
        .no(
            refused("missing_codes", "an action code is missing"),
            "编码不全 · A code is missing",
        )
        .no(
            refused("closed", "the incident is closed"),
            "已办结 · It is closed",
        )
}

fn targets() -> Operation {
    Operation::new("可以转给谁 · Who it could be given to", "calls")
        .about("各网点到现场的时间,以及在岗的同事 · How long it is from each site, and colleagues on duty.")
        .signed_in()
        .about_one("incident", INCIDENT_ID)
        .gives::<Targets>(200, "最快的在前 · Soonest first", examples::targets())
}

fn claim() -> Operation {
    Operation::new("未验证的终端登记在谁名下 · Whom an unproved device claims to be", "calls")
        .about(
            "只给接单的人;谁、为什么,先记入日志再给看 · Only for whoever holds the call; who and why is in the log before the \
             answer leaves. `reason`: `call_back` `send_somebody`.",
        )
        .signed_in()
        .own_page_only()
        .about_one("claim", INCIDENT_ID)
        .takes::<ClaimIn>([("to call back", json!({ "reason": "call_back" }))])
        .reads_json()
        .gives::<ClaimedRecord>(200, "姓名、电话、地址 · Name, telephone, address", examples::claimed())
        .no(
            Failure::forbidden("only whoever holds the open call looks up whom its device claims to be"),
            "不在您手里 · You do not hold it",
        )
}

/// The codes a closing needs, out of the domain's own list.
fn acts() -> String {
    let join = |words: Vec<&str>| {
        words
            .iter()
            .map(|w| format!("`{w}`"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let reasons = join(Reason::ALL.iter().map(|c| c.as_str()).collect());
    let actions = join(Action::ALL.iter().map(|c| c.as_str()).collect());
    let outcomes = join(Outcome::ALL.iter().map(|c| c.as_str()).collect());
    format!(
        "`id` 由发送者自造(UUID),重发得到第一次的结果 · The sender makes `id`; sent again it gets its first result. `seen` 是屏幕上的 \
         `revision` · what the screen shows.\n\n办结三项 · Closing takes three codes:\n\n- `reason`: {reasons}\n- `actions`: {actions}\n\
         - `outcome`: {outcomes}\n\n规则说不时得 409,`code` 是规则的名字 · A rule that says no answers 409 with its name as `code`."
    )
}

fn live() -> Operation {
    let page = Failure::malformed("this address speaks WebSocket");
    Operation::new("实时值班台(WebSocket) · The live console", "calls")
        .about(
            "消息的形状见 [/v1/console.schema.json](/v1/console.schema.json) · The messages' shapes stand there. 带 `at` 就是重放 · With `at` \
             it is a replay.",
        )
        .signed_in()
        .own_page_only()
        .query("at", Type::Integer, "重放的日志位置 · Position to replay")
        .gives_nothing(101, "换成 WebSocket(RFC 6455) · It becomes a WebSocket")
        .with_header(101, "upgrade", "`websocket`")
        .with_header(101, "connection", "`upgrade`")
        .with_header(101, "sec-websocket-accept", "RFC 6455, 4.2.2")
        .no(page, "不是 WebSocket,或 `at` 不是位置 · Not a WebSocket, or `at` is no position")
}
