//! What the device door takes and answers, as OpenAPI and JSON Schema.
//!
//! For: `/openapi.json`, `/docs` and `/v1/devices/channel.schema.json` of port 7310, in the field's words, Chinese first.
//! May not know: how anything is done; examples of problems are made by the code that sends them.

use crate::{
    http::{
        self, NO_CHANNEL, NO_SUCH_DEVICE, NO_SUCH_PLACE, NO_SUCH_PRESS, NOT_A_HEARTBEAT,
        NOT_A_WEBSOCKET, Said,
    },
    limits::IngestOptions,
    page,
};
use domain::signal::Problem as Trouble;
use manual::{
    HttpMethod::{Get, Post},
    Manual, Operation,
    messages::Messages,
    operation::media,
};
use serde_json::{Value, json};
use wire::{
    device::{
        ChannelIn, ChannelOut, HeartbeatIn, HeartbeatOut, NotTaken, SignalIn, SignalOut, StageOut,
    },
    problem::Problem,
};

const ABOUT: &str = "\
设备的门:按钮、手表、网关、手机页。**200、201、202 表示已存盘**;其余一律是没有存,请按 `retry` 再发。看不懂的也当作呼救收下。

The door of devices. **An answer 200, 201 or 202 means stored**; anything else means not stored: send it again as `retry` says. \
What cannot be understood is still an alarm.

- 出错时 · On errors: `application/problem+json` (RFC 9457); 程序看 `code` · programs look at `code`.
- 别的方法得 405 `wrong_method`,没有的地址得 404 `no_such_place` · Other methods get 405, unknown addresses 404.
- 新版本可能多出字段,请忽略不认识的 · Newer versions may add fields; pass over what you do not know.";

const NO_STORE: &str = "`no-store`,页面与文档除外 · `no-store`, but for pages and this manual";
const DEVICE: &str = "设备编号,如 `HRB-000123` · The device's identifier";

/// The door's document.
pub(crate) fn manual(options: &IngestOptions) -> Manual {
    let manual = Manual::new(
        "安铃设备门 · Anling devices",
        env!("CARGO_PKG_VERSION"),
        ABOUT,
    )
    .tag("alarms", "呼救 · Alarms")
    .tag("way-back", "回音 · How far help is")
    .tag("phone", "手机页 · The phone page")
    .tag("watch", "运行状况 · Health")
    .bearer("key", "设备自己的密钥 · The device's own key");
    let alive = Operation::new("进程还在 · The process is alive", "watch");
    manual
        .on(Get, "/healthz", alive.gives_text(200, media::TEXT, "`ok`"))
        .on(Post, "/v1/signals", signal(options))
        .on(Get, "/v1/signals/{device}/{press}", stage(options))
        .on(Post, "/v1/heartbeats", heartbeat(options))
        .on(Get, "/v1/devices/{device}/channel", channel(options))
        .on(Get, "/sos", phone())
        .on(Get, "/sos/{file}", phone_file())
        .messages("/v1/devices/channel.schema.json", messages(options))
}

/// The answers many operations share.
trait Answers: Sized {
    /// Nothing of it is kept in caches.
    fn not_kept(self, statuses: &[u16]) -> Self;
    /// A problem without advice on when to try again.
    fn no(self, said: Said, means: &str) -> Self;
    /// The key does not fit.
    fn unproven(self) -> Self;
    /// Not stored, or not answered: try again.
    fn later(self, problem: Problem, options: &IngestOptions, means: &str) -> Self;
}

impl Answers for Operation {
    fn not_kept(self, statuses: &[u16]) -> Self {
        let keep = |told: Self, status: &u16| told.with_header(*status, "cache-control", NO_STORE);
        statuses.iter().fold(self, keep)
    }

    fn no(self, said: Said, means: &str) -> Self {
        let (status, code) = (said.status.as_u16(), said.code);
        self.fails(status, code, means, &said.problem())
            .not_kept(&[status])
    }

    fn unproven(self) -> Self {
        let problem = http::unproven_problem(Trouble::BadKey);
        self.fails(
            401,
            "not_verified",
            "密钥不对,或没有这台设备 · The key does not fit",
            &problem,
        )
        .with_header(401, "www-authenticate", "`Bearer`")
        .not_kept(&[401])
    }

    fn later(self, problem: Problem, options: &IngestOptions, means: &str) -> Self {
        let status = problem.status;
        let code = problem.code.clone().unwrap_or_default();
        let retry = options.retry;
        self.fails(status, &code, means, &NotTaken { problem, retry })
            .with_header(status, "retry-after", "几秒后再发 · Seconds to wait")
            .not_kept(&[status])
    }
}

const NOT_STORED: &str = "**没有存**,请再发 · **Not stored**: send it again";

fn taken(options: &IngestOptions, duplicate: bool, verified: bool) -> Value {
    json!({
        "position": 4_711, "stream": if verified { "device-HRB-000123" } else { "unverified-5b1c0f2e9a7d4c38" }, "revision": 7,
        "duplicate": duplicate, "verified": verified, "next_heartbeat_s": 58, "retry": options.retry,
    })
}

fn beaten(options: &IngestOptions) -> Value {
    json!({ "next_heartbeat_s": 58, "retry": options.retry })
}

fn press() -> Value {
    json!({
        "device": "HRB-000123", "press": "41", "kind": "sos", "at": "2026-01-15T08:30:00+08:00",
        "location": { "lat": 45.7567, "lon": 126.6425, "accuracy_m": 25.0 }, "battery_pct": 83.0, "text": "在厨房",
    })
}

fn signal(options: &IngestOptions) -> Operation {
    let test = json!({ "device": "HRB-000123", "press": "42", "kind": "test" });
    let fall =
        json!({ "device": "HRB-000123", "press": "43", "kind": "fall", "battery_pct": 61.0 });
    Operation::new("按下、跌倒、烟感…… · A press, a fall, smoke …", "alarms")
        .about(
            "形状不合也收:能读的都留下,连同问题和原始字节 · Nothing is turned away for its form. `kind`: `sos` `fall` `smoke` `gas` `inactivity` \
             `wandering` `service`, 不认识的词也是呼救 · and every unknown word, are alarms; `cancel` `test` `low_battery` `mains_lost` \
             `mains_restored` `line_lost` `tamper` `device_fault` 记录 · are recorded; `heartbeat` 当作心跳 · counts as a heartbeat.",
        )
        .proven_by(&["key"])
        .or_unproven()
        .takes::<SignalIn>([("sos", press()), ("fall", fall), ("test", test)])
        .gives::<SignalOut>(201, "已存 · Stored", taken(options, false, true))
        .gives::<SignalOut>(200, "以前存过 · Stored before", taken(options, true, true))
        .gives::<HeartbeatOut>(200, "`heartbeat` 的回答 · the answer to a `heartbeat`", beaten(options))
        .gives::<SignalOut>(202, "已存,但设备没有证明自己 · Stored, but the device did not prove who it is", taken(options, false, false))
        .not_kept(&[200, 201, 202])
        .unproven()
        .later(http::too_many_problem(4_790), options, "同一来源未证明的太多,并入一条 · Too many unverified from one address; gathered into one")
        .later(http::unavailable_problem(), options, NOT_STORED)
}

fn coming() -> Value {
    json!({
        "press": "41", "stage": "coming", "incident": "9a0c3c0e-6f6b-5a43-8f0e-1b7d6f2f8a11", "say": "王护理员已出发,约8分钟到",
        "operator": "王护理员", "eta_s": 461, "ambulance": false,
    })
}

fn stage(options: &IngestOptions) -> Operation {
    Operation::new("帮助到哪一步了 · How far help is", "way-back")
        .about(
            "`received` 已收到 · `seeking` 还在联系 · `heard` 已接单 · `coming` 已出发 · `delayed` 耽搁 · `arrived` 已到 · `done` 已办结。`say` 照样念和显示 \
             · is to be spoken and shown as it is. 可能往回走 · A stage may go back.",
        )
        .proven_by(&["key"])
        .path("device", DEVICE)
        .path("press", "设备自己的按次号 · The device's own number of the press")
        .gives::<StageOut>(200, "现在 · Now", coming())
        .not_kept(&[200])
        .unproven()
        .no(NO_SUCH_PRESS, "没有收到过这一次 · No such press was received")
        .no(NO_SUCH_PLACE, "地址看不懂 · The address cannot be read")
        .later(http::unavailable_problem(), options, "现在答不了 · Not now")
}

fn heartbeat(options: &IngestOptions) -> Operation {
    let beat = json!({ "device": "HRB-000123", "battery_pct": 83.0 });
    Operation::new("心跳 · A heartbeat", "alarms")
        .about("三次不来记为失联;从不发的不监视 · A device that has beaten and misses three is recorded as silent.")
        .proven_by(&["key"])
        .takes::<HeartbeatIn>([("beat", beat)])
        .gives::<HeartbeatOut>(200, "下一次的时间 · When the next is due", beaten(options))
        .not_kept(&[200])
        .no(NOT_A_HEARTBEAT, "不是心跳 · Not a heartbeat")
        .unproven()
        .later(http::unavailable_problem(), options, "现在答不了 · Not now")
}

fn channel(options: &IngestOptions) -> Operation {
    let key = "浏览器设不了 Authorization 时 · where a browser cannot set Authorization: `anling.device.v1, key.<base64url>`";
    Operation::new("常开的通道(WebSocket) · The channel", "alarms")
        .about(
            "消息的形状见 [/v1/devices/channel.schema.json](/v1/devices/channel.schema.json) · The messages' shapes stand there. 进展会推送 · Stages are \
             pushed.",
        )
        .proven_by(&["key"])
        .or_unproven()
        .path("device", DEVICE)
        .header("sec-websocket-protocol", key)
        .gives_nothing(101, "换成 WebSocket(RFC 6455) · It becomes a WebSocket")
        .with_header(101, "upgrade", "`websocket`")
        .with_header(101, "connection", "`upgrade`")
        .with_header(101, "sec-websocket-accept", "RFC 6455, 4.2.2")
        .with_header(101, "sec-websocket-protocol", "`anling.device.v1`,当设备提出时 · when it was offered")
        .no(NO_SUCH_DEVICE, "设备编号看不懂 · The identifier cannot be read")
        .no(NOT_A_WEBSOCKET, "不是 WebSocket · Not a WebSocket")
        .with_header(426, "upgrade", "`websocket`")
        .later(NO_CHANNEL.problem(), options, "通道已满,改用 POST · No channel is free: use POST")
}

fn phone() -> Operation {
    Operation::new("手机当按钮 · A phone as a device", "phone")
        .about("`/sos?device=HRB-000123#key=…`: 密钥在 `#` 之后,浏览器不会发送 · the key stands in the fragment, which is never sent.")
        .gives_text(200, media::HTML, "页面 · The page")
        .with_page_headers(200)
        .with_header(200, "service-worker-allowed", "`/sos`")
}

fn phone_file() -> Operation {
    let mut told = Operation::new("手机页的文件 · The phone page's files", "phone")
        .path_of(
            "file",
            &page::FILES.map(|file| file.name),
            "文件名 · Its name",
        )
        .with_header(200, "service-worker-allowed", "`/sos`")
        .with_page_headers(200)
        .no(NO_SUCH_PLACE, "没有这个文件 · No such file");
    for kind in [
        "text/css",
        "text/javascript",
        "image/svg+xml",
        "application/manifest+json",
    ] {
        told = told.gives_text(200, kind, "文件 · The file");
    }
    told
}

fn messages(options: &IngestOptions) -> Messages {
    let message = |t: &str, mut fields: Value| {
        fields["t"] = t.into();
        fields
    };
    let mut stored = taken(options, false, true);
    stored["press"] = "41".into();
    let refused =
        json!({ "press": "41", "problem": http::unavailable_problem(), "retry": options.retry });
    Messages::new(
        "安铃设备通道消息 · Messages of the device channel",
        "`GET /v1/devices/{device}/channel` 上每帧一个 JSON 对象 · One JSON object per text frame. 不是 JSON 的帧也当作呼救 · A frame that is not JSON \
         is an alarm with problems, when the channel's key was right.",
    )
    .direction::<ChannelIn>(
        "设备 → 中心 · device → centre",
        [message("signal", press()), message("heartbeat", json!({ "battery_pct": 83.0 }))],
    )
    .direction::<ChannelOut>(
        "中心 → 设备 · centre → device",
        [
            message("taken", stored),
            message("alive", beaten(options)),
            message("stage", coming()),
            message("refused", refused),
        ],
    )
}
