//! Sites, the map, residents, duty phones, the page and what watches the machine, in the manual.
//!
//! For: the rest of port 7300.
//! May not know: how it is done (`api`, `duty_phone`, `assets`, and the binary's own health routes).

use super::{Answers, examples};
use crate::{names::Named, problem::Failure};
use manual::{
    HttpMethod::{Get, Post},
    Manual, Operation,
    operation::media,
};
use serde_json::json;
use wire::{
    card::ResidentView,
    console::{CommandOut, DutyPhoneAnswer, MapView, PhoneAsked, ResidentsFound, SiteView},
    watch::Readiness,
};

pub(super) const SIGNATURE_IS: &str = "`t=<unix 秒 · seconds>,v1=<hex>`: 用共享密钥对 `<t>.<body>` 作 HMAC-SHA-256;`t` 前后不超过 300 秒 · \
     HMAC-SHA-256 of `<t>.<body>` under the shared secret, at most 300 s old";

pub(super) fn described(manual: Manual) -> Manual {
    manual
        .on(Get, "/v1/sites", sites())
        .on(Get, "/v1/map", map())
        .on(Get, "/v1/residents/{id}", resident())
        .on(Post, "/v1/residents/by-phone", by_phone())
        .on(Post, "/v1/duty-phone/answers", duty_phone())
        .on(Get, "/", page())
}

fn sites() -> Operation {
    Operation::new("所有服务站与机构 · Every site", "city")
        .signed_in()
        .gives_list::<SiteView>(
            200,
            "开门与否、值班人数、负荷 · Open or not, on duty, load",
            json!([examples::site()]),
        )
}

fn map() -> Operation {
    let map = json!({
        "barriers": [{ "id": "songhua", "name": "松花江", "name_en": "Songhuajiang", "points": [[126.5, 45.77], [126.62, 45.79]] }],
        "crossings": [{ "id": "songhua-road-bridge", "name": "松花江公路大桥", "name_en": "Songhua road bridge", "lon": 126.59, "lat": 45.78,
            "open": true, "foot_only": false }],
        "districts": [{ "id": "230102", "name": "道里区", "name_en": "Daoli", "lon": 126.61, "lat": 45.76 }],
    });
    Operation::new("江、桥、区 · Rivers, crossings, districts", "city")
        .signed_in()
        .gives::<MapView>(200, "不动的部分 · What does not move", map)
}

fn resident() -> Operation {
    Operation::new("老人档案 · A resident's record", "city")
        .about("谁看了谁,先记入日志再给看 · Who looked at whom is in the log before the answer leaves.")
        .signed_in()
        .about_one("resident", "老人编号 · The resident's id")
        .gives::<ResidentView>(200, "档案 · The record", examples::resident())
}

fn by_phone() -> Operation {
    let found = json!({ "residents": [{ "id": "HRB-R-000123", "name": "王秀兰", "name_latin": "Wang Xiulan", "community": "尚志社区",
        "community_en": "Shangzhi Subdistrict, Zhaolin Community", "of_contact": true, "incident": examples::INCIDENT }], "incomplete": false });
    Operation::new("谁的电话 · Whose number it is", "city")
        .about("本人或紧急联系人的号码,写法不限 · The resident's or a contact's, however it is written. 谁查到了谁也记入日志 · Who found whom is in the log too.")
        .signed_in()
        .own_page_only()
        .reads_json()
        .takes::<PhoneAsked>([("number", json!({ "phone": "+86 139 0000 0001" }))])
        .gives::<ResidentsFound>(200, "您可以看的老人 · Those you may look at", found)
}

fn duty_phone() -> Operation {
    let answer = json!({ "call": "c-17", "incident": examples::INCIDENT, "party": { "party": "site", "id": "HRB-230102-01" },
        "digit": 1, "answered_by": "王秀英" });
    let short =
        json!({ "call": "c-18", "incident": examples::INCIDENT, "party": "city_desk", "digit": 2 });
    let done = json!({ "revision": 9, "position": 4_730, "repeated": false });
    let unsigned = Failure::forbidden(
        "the answer must carry a fresh anling-signature header made with the shared secret",
    );
    let taken = Failure::refused(
        "already_accepted",
        "somebody has accepted it already",
        Some(Named::person("王秀英")),
    );
    Operation::new("值班手机的回答 · A duty phone's answer", "city")
        .about("1 接单,2 不接 · 1 accepts, 2 declines. 同一通电话同一个键只算一次 · The same call and digit acts once.")
        .proven_by(&["signature"])
        .takes::<DutyPhoneAnswer>([("accepts", answer), ("declines", short)])
        .gives::<CommandOut>(200, "已入日志 · In the log", done)
        .no(Failure::malformed("digit: 1 accepts, 2 declines"), "看不懂 · It cannot be understood")
        .no(unsigned, "签名不对 · Not signed, or not freshly")
        .no(Failure::not_found("door"), "没有配置密钥,或没有这个呼叫 · No secret is configured, or no such incident")
        .no(Failure::too_large(crate::BODY_BYTES), "太长 · Too long")
        .no(taken, "规则说不 · A rule said no")
        .no(Failure::unavailable("the log did not answer"), "请再试 · Try again")
}

fn page() -> Operation {
    Operation::new("值班台页面 · The console's page", "city")
        .about("`/m` 是护理员手机页;别的地址是 404 · `/m` is the carer's page; any other address is answered 404.")
        .gives_text(200, media::HTML, "页面 · The page")
        .with_header(200, "etag", "内容的标记 · Tag of the content")
        .with_header(200, "vary", "`accept-encoding`")
        .with_header(200, "content-encoding", "`br` 或 `gzip`")
        .gives_nothing(304, "没有变 · Not changed")
        .with_header(304, "etag", "内容的标记 · Tag of the content")
        .with_header(304, "vary", "`accept-encoding`")
}

/// Health and figures: the binary's routes on this door.
pub(super) fn watched(manual: Manual) -> Manual {
    let healthy = Operation::new("进程还在 · The process is alive", "watch").gives_text(
        200,
        media::TEXT,
        "`ok`",
    );
    let waits = json!({ "ready": false, "why": "the database does not answer" });
    let ready = Operation::new("可以接活 · Ready for work", "watch")
        .about("`degraded`: 能用,但不如应有的安全(数据只有一份,或没有调度程序) · It works, but is less safe than it could be (one copy only, or no dispatcher).")
        .gives::<Readiness>(200, "可以 · It is", json!({ "ready": true }))
        .gives::<Readiness>(503, "不可以,`why` 是原因 · It is not, and `why`", waits);
    let figures = Operation::new("数字 · Figures", "watch")
        .about("Prometheus 文本格式 0.0.4 · Prometheus text format. 只有数目,没有个人信息 · Counts only.")
        .gives_text(200, media::TEXT, "`anling_…`");
    manual
        .on(Get, "/healthz", healthy)
        .on(Get, "/readyz", ready)
        .on(Get, "/metrics", figures)
}
