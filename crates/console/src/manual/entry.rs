//! Signing in and out, in the manual.
//!
//! For: `/v1/about`, `/v1/session`, `/v1/session/phone`, `/v1/phone-links`.
//! May not know: how it is done (`sign_in`).

use super::{Answers, examples};
use crate::problem::Failure;
use manual::{
    HttpMethod::{Delete, Get, Post},
    Manual, Operation,
};
use serde_json::json;
use wire::console::{About, PhoneLink, PhoneLinkIn, PhoneSignIn, Session, SignIn};

pub(super) fn described(manual: Manual) -> Manual {
    manual
        .on(Get, "/v1/about", about())
        .on(Post, "/v1/session", sign_in())
        .on(Get, "/v1/session", who())
        .on(Delete, "/v1/session", sign_out())
        .on(Post, "/v1/session/phone", phone_sign_in())
        .on(Post, "/v1/phone-links", phone_link())
}

fn about() -> Operation {
    let late = Failure::unavailable("the request took too long; try again");
    Operation::new("登录页需要的信息 · What the sign-in page needs", "entry")
        .about("人人可看 · Open to everybody.")
        .gives::<About>(
            200,
            "版本、时区、值班电话 · Version, time zone, the number to ring",
            examples::about(),
        )
        .no(late, "请再试 · Try again")
}

const COOKIE_SET: &str = "`anling_session=…; Path=/; HttpOnly; SameSite=Strict`,TLS 下加 `Secure` · with `Secure` under TLS";

fn let_in(operation: Operation) -> Operation {
    let busy = "too many people are signing in; try again in a moment";
    operation
        .gives::<Session>(
            200,
            "已登录;`token` 只在这里告诉 · Signed in; the token is told only here",
            examples::session(),
        )
        .with_header(200, "set-cookie", COOKIE_SET)
        .reads_json()
        .own_page_only()
        .no(Failure::limited(90), "试得太多,请等 · Too many tries: wait")
        .no(
            Failure::unavailable(busy),
            "登录的人太多,稍后再试 · Too many are signing in",
        )
}

fn sign_in() -> Operation {
    let body = json!({ "name": "wang", "password": "六字以上的口令" });
    let operation = Operation::new("登录 · Sign in", "entry").takes::<SignIn>([("operator", body)]);
    let_in(operation).no(
        Failure::wrong_password(),
        "姓名或口令不对 · Name or password are wrong",
    )
}

fn phone_sign_in() -> Operation {
    let body = json!({ "token": "mC1k0o9ZcXy1zV5pB3wL0yqg3W2nR8sT4uV6aB7cD8e" });
    let used = Failure::wrong_password().detail("the code was used; show a new one");
    let operation = Operation::new("护理员手机登录 · Let a carer's phone in", "entry")
        .about("二维码里的一次性令牌,十分钟内有效 · The one-time token of a QR code, good for ten minutes.")
        .takes::<PhoneSignIn>([("qr", body)]);
    let_in(operation).no(used, "码已用过或过期 · The code was used or has expired")
}

fn who() -> Operation {
    let mut session = examples::session();
    if let Some(session) = session.as_object_mut() {
        session.remove("token");
    }
    Operation::new("我是谁 · Who is signed in", "entry")
        .signed_in()
        .gives::<Session>(
            200,
            "本人与可值班的地方 · Who, and where they may take duty",
            session,
        )
}

fn sign_out() -> Operation {
    Operation::new("退出 · Sign out", "entry")
        .about("用这次登录打开的值班台也一起结束 · Consoles opened with this session end as well.")
        .signed_in()
        .own_page_only()
        .gives_nothing(204, "已退出 · Signed out")
        .with_header(204, "set-cookie", "删除 cookie · Takes the cookie away")
}

fn phone_link() -> Operation {
    let body = json!({ "responder": "HRB-230102-01-c1" });
    let link = json!({
        "url": "http://127.0.0.1:7300/m#t=mC1k0o9ZcXy1zV5pB3wL0yqg3W2nR8sT4uV6aB7cD8e",
        "qr_svg": "<svg …/>",
        "expires_at": 1_768_437_600_000_i64,
    });
    Operation::new(
        "给护理员手机的二维码 · A QR code for a carer's phone",
        "entry",
    )
    .signed_in()
    .own_page_only()
    .takes::<PhoneLinkIn>([("carer", body)])
    .reads_json()
    .gives::<PhoneLink>(
        200,
        "十分钟内扫一次有效 · Works once, within ten minutes",
        link,
    )
    .no(
        Failure::forbidden("a phone lets no other phone in"),
        "手机不能再请手机 · Not from a phone",
    )
    .no(
        Failure::not_found("responder"),
        "没有这个人,或不归您派 · No such responder, or none of yours",
    )
}
