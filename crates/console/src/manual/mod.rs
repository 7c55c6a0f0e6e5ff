//! What this door takes and answers, as OpenAPI and JSON Schema.
//!
//! For: `/openapi.json`, `/docs` and `/v1/console.schema.json` of port 7300, in the field's words, Chinese first.
//! May not know: how anything is done; examples of problems are made by the code that sends them.

mod calls;
mod city;
mod entry;
mod examples;

use crate::{
    http,
    options::BODY_BYTES,
    problem::Failure,
    session::{COOKIE, SESSION_MS},
};
use manual::{Manual, Operation, messages::Messages};
use wire::console::{FromPage, ToPage};

const ABOUT: &str = "\
值班台的门:登录、呼叫、派人、办结、重放。时间是自 1970-01-01T00:00:00Z 起的毫秒数;`position` 与 `revision` 是小于 2⁵³ 的整数。

The door of people at consoles: signing in, calls, sending help, closing, replay. Times are milliseconds since \
1970-01-01T00:00:00Z; positions and revisions are whole numbers below 2⁵³.

- 出错时 · On errors: `application/problem+json` (RFC 9457); 程序看 `code` · programs look at `code`.
- 每个 `GET` 也答 `HEAD`;别的方法得 405 `method_not_allowed` · Every `GET` also answers `HEAD`; other methods get 405.
- `/v1/` 下没有的地址得 404 `not_found` · An unknown address under `/v1/` gets 404.
- 只带 cookie 的改动请求必须来自本页(`Origin`) · A change that carries only the cookie must come from this page.
- 新版本可能多出字段,请忽略不认识的 · Newer versions may add fields; pass over what you do not know.";

/// The door's document.
pub(crate) fn manual(version: &str) -> Manual {
    let hours = SESSION_MS / 3_600_000;
    let cookie = format!(
        "登录后由浏览器携带,{hours} 小时 · Set at sign-in, {hours} hours, HttpOnly, SameSite=Strict"
    );
    let manual = Manual::new("安铃值班台 · Anling console", version, ABOUT)
        .tag("entry", "登录 · Getting in")
        .tag("calls", "呼叫 · Calls")
        .tag("city", "站点与老人 · Sites and residents")
        .tag("watch", "运行状况 · Health and figures")
        .cookie("session", COOKIE, &cookie)
        .bearer(
            "token",
            "登录时给出的令牌,供程序使用 · The token told at sign-in, for programs",
        )
        .signed_header("signature", crate::SIGNATURE, city::SIGNATURE_IS);
    // What watches the machine is the binary's, and bears none of this door's headers.
    let manual = city::watched(manual)
        .always("content-security-policy", http::CONTENT_POLICY)
        .always("x-content-type-options", "`nosniff`")
        .always("referrer-policy", "`no-referrer`")
        .always("x-frame-options", "`DENY`")
        .always(
            "cache-control",
            "`no-store`,页面与文档除外 · `no-store`, but for pages and this manual",
        );
    city::described(calls::described(entry::described(manual)))
        .messages("/v1/console.schema.json", messages())
}

fn messages() -> Messages {
    Messages::new(
        "安铃值班台 WebSocket 消息 · Messages of the live console",
        "`GET /v1/console` 上的 JSON 文本,每条有 `t`;先由页面说 `resume` · JSON text over `GET /v1/console`, each with a `t`; \
         the page begins with `resume`. A page passes over kinds it does not know.",
    )
    .direction::<FromPage>("页面 → 服务器 · page → server", examples::from_page())
    .direction::<ToPage>("服务器 → 页面 · server → page", examples::to_page())
}

/// The answers many operations share.
trait Answers: Sized {
    /// A problem, as the code that sends it makes it.
    fn no(self, failure: Failure, means: &str) -> Self;
    /// Whoever is signed in may ask.
    fn signed_in(self) -> Self;
    /// It changes something: a browser asks from this page only.
    fn own_page_only(self) -> Self;
    /// It takes a JSON body.
    fn reads_json(self) -> Self;
    /// It is about one incident, resident …: an id in the path.
    fn about_one(self, what: &str, about: &str) -> Self;
}

impl Answers for Operation {
    fn no(self, failure: Failure, means: &str) -> Self {
        let problem = &*failure.problem;
        let status = problem.status;
        let code = problem.code.as_deref().unwrap_or("problem");
        let mut told = self.fails(status, code, means, problem);
        if failure.retry_after_s.is_some() {
            told = told.with_header(status, "retry-after", "几秒后再试 · Seconds to wait");
        }
        if status == 401 {
            told = told.with_header(status, "www-authenticate", "`Bearer`");
        }
        told
    }

    fn signed_in(self) -> Self {
        let busy = "现在办不了,请用同样的内容再试 · Not now: send the same again";
        self.proven_by(&["session", "token"])
            .no(
                Failure::signed_out(),
                "未登录或已过期 · Nobody is signed in",
            )
            .no(Failure::unavailable("the log did not answer in time"), busy)
    }

    fn own_page_only(self) -> Self {
        self.no(
            Failure::foreign_origin(),
            "来自别的网站 · Sent by another site's page",
        )
    }

    fn reads_json(self) -> Self {
        let detail = "the body does not read as this request's JSON (line 1, column 9)";
        self.no(
            Failure::malformed(detail),
            "看不懂 · It cannot be understood",
        )
        .no(Failure::too_large(BODY_BYTES), "太长 · Too long")
        .no(
            Failure::media_type(),
            "不是 JSON · Not JSON by its own word",
        )
    }

    fn about_one(self, what: &str, about: &str) -> Self {
        self.path("id", about)
            .no(
                Failure::malformed("the address cannot be read"),
                "编号不对 · Not an id",
            )
            .no(
                Failure::not_found(what),
                "没有,或不归您看 · There is none, or none for you",
            )
    }
}
