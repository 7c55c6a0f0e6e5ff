// The phone page: a press goes out and is tried again until it is taken; what comes back is shown, spoken and felt.
// Knows the device door of docs/device-protocol.md and nothing else.
"use strict";

const BASE_MS = 1000; // First pause after a failure, until the server says otherwise.
const CAP_MS = 10000; // Longest pause: somebody is waiting with the phone in the hand.
const ANSWER_MS = 5000; // How long one try may take.
const POLL_MS = 3000; // How often to ask how far help is while there is no channel.
const UNSENT_LIMIT = 20; // Presses kept while nothing gets through; beyond it the oldest but one goes.
const FORGET_MS = 30 * 60 * 1000; // After this a finished call is no longer shown.
const SAID_CANCEL_MS = 8000; // How long the answer to a cancel stays before the stage shows again.

const query = new URLSearchParams(location.search);
const secret = new URLSearchParams(location.hash.slice(1));
const device = query.get("device") || secret.get("device") || "";
const key = secret.get("key") || "";
const place = `anling-sos:${device}`;

const STATES = {
  idle: ["待命", "Ready", "需要帮助时,请按红色按钮", "Press the red button if you need help"],
  sending: ["正在呼叫", "Calling", "正在发送呼叫…", "Sending your call…"],
  failed: ["还没有送到", "Not sent yet", "还没有送到,正在重试…请直接拨打120或联系家人",
    "Not delivered yet, trying again. Please call 120 or your family"],
  received: ["已收到", "Received", "呼叫已收到,正在联系服务站", "Received. Contacting the care station"],
  seeking: ["正在联系", "Seeking", "还在为您联系,请别着急", "Still finding someone for you"],
  heard: ["已接单", "Accepted", "工作人员已接单,马上与您联系", "Someone has your call and will contact you"],
  coming: ["已出发", "On the way", "工作人员已出发", "Help is on the way"],
  delayed: ["路上耽搁", "Delayed", "路上耽搁了", "Help is delayed"],
  arrived: ["已到达", "Arrived", "工作人员已到达", "Help has arrived"],
  done: ["已办结", "Done", "本次求助已办结,需要时再按", "This call is closed. Press again if needed"],
};
const CANCEL_SAID = ["已转告您要取消,值班员会再与您确认", "The operator knows you cancelled and will still check"];
const UNVERIFIED = ["此终端尚未登记,值班员会核实;情况紧急请直接拨打120",
  "This device is not registered; an operator will check. If it is urgent call 120"];
const NO_DEVICE = ["此页面缺少终端编号,请使用完整链接。紧急情况请拨打120", "No device in this link. In an emergency call 120"];

// --- what is kept across reloads -------------------------------------------------------------------------------------

const call = load() || { unsent: [], latest: null, presses: 0, stage: null, at: 0, verified: true };

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(place));
    if (!kept || !Array.isArray(kept.unsent)) return null;
    const over = kept.unsent.length === 0 && (!kept.stage || kept.stage.stage === "done");
    return over && Date.now() - kept.at > FORGET_MS ? null : kept;
  } catch {
    return null;
  }
}

function save() {
  call.at = Date.now();
  try { localStorage.setItem(place, JSON.stringify(call)); } catch { /* Full or forbidden: go on without. */ }
}

// --- pressing --------------------------------------------------------------------------------------------------------

let failures = 0;
let retry = { base_ms: BASE_MS, cap_ms: CAP_MS };
let cancelSaidUntil = 0;

function randomPress() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function press(kind) {
  if (!device) return;
  if (kind === "sos") {
    if (call.stage && call.stage.stage === "done") { call.presses = 0; call.stage = null; }
    call.presses += 1;
  }
  const signal = { device, press: randomPress(), kind, at: new Date().toISOString() };
  if (kind === "sos") call.latest = signal.press;
  call.unsent.push(signal);
  if (call.unsent.length > UNSENT_LIMIT) call.unsent.splice(1, 1);
  save();
  if (navigator.vibrate) navigator.vibrate(kind === "sos" ? [200, 80, 200] : 60);
  show(true);
  work(true);
}

let working = false;
let wake = null;

// One signal after the other, each until it is taken.
async function work(now) {
  if (now && wake) wake();
  if (working) return;
  working = true;
  while (call.unsent.length > 0) {
    const signal = call.unsent[0];
    const answer = await deliver(signal);
    if (answer) {
      failures = 0;
      call.unsent = call.unsent.filter((other) => other.press !== signal.press);
      call.verified = answer.verified !== false;
      if (answer.retry) retry = answer.retry;
      if (signal.kind === "cancel") {
        cancelSaidUntil = Date.now() + SAID_CANCEL_MS;
        setTimeout(() => show(false), SAID_CANCEL_MS + 50);
      } else if (!call.stage) {
        call.stage = { stage: "received", press: signal.press };
      }
      save();
      show(true);
    } else {
      failures += 1;
      show(failures === 1);
      const most = Math.min(CAP_MS, retry.cap_ms, retry.base_ms * 2 ** Math.min(failures, 10));
      await pause(BASE_MS / 4 + Math.random() * most);
    }
  }
  working = false;
}

function pause(ms) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    wake = () => { clearTimeout(timer); done(); };
  });
}

// Over the channel when it is open, else by POST. Gives the answer, or null when it did not get through.
async function deliver(signal) {
  return (await overChannel(signal)) || (await byPost(signal));
}

async function byPost(signal) {
  try {
    const answer = await request("/v1/signals", { method: "POST", body: JSON.stringify(signal) });
    const body = await answer.json();
    // Also "too many from here": nothing of this press is kept, so it is not said to be.
    if (body.retry) retry = body.retry;
    return answer.ok ? body : null;
  } catch {
    return null;
  }
}

async function request(path, options) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ANSWER_MS);
  try {
    return await fetch(path, { ...options, headers, cache: "no-store", signal: stop.signal });
  } finally {
    clearTimeout(timer);
  }
}

// --- the channel -----------------------------------------------------------------------------------------------------

let channel = null;
let dialling = 0;
const waiting = new Map();

function base64url(text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function dial() {
  if (channel || !device || !key || navigator.onLine === false) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const url = `${scheme}://${location.host}/v1/devices/${encodeURIComponent(device)}/channel`;
  const socket = new WebSocket(url, ["anling.device.v1", `key.${base64url(key)}`]);
  channel = socket;
  socket.onopen = () => { dialling = 0; work(true); };
  socket.onmessage = (message) => heard(message.data);
  socket.onclose = () => {
    channel = null;
    for (const settle of waiting.values()) settle(null);
    waiting.clear();
    dialling += 1;
    setTimeout(dial, 500 + Math.random() * Math.min(30000, 1000 * 2 ** Math.min(dialling, 6)));
  };
}

function overChannel(signal) {
  if (!channel || channel.readyState !== WebSocket.OPEN) return Promise.resolve(null);
  return new Promise((done) => {
    const settle = (answer) => { clearTimeout(timer); waiting.delete(signal.press); done(answer); };
    const timer = setTimeout(() => settle(null), ANSWER_MS);
    waiting.set(signal.press, settle);
    channel.send(JSON.stringify({ t: "signal", ...signal }));
  });
}

function heard(text) {
  let message;
  try { message = JSON.parse(text); } catch { return; }
  const settle = message.press && waiting.get(message.press);
  if (message.t === "taken" && settle) settle(message);
  if (message.t === "refused" && settle) {
    if (message.retry) retry = message.retry;
    settle(null);
  }
  if (message.t === "stage") moved(message);
}

// --- how far help is -------------------------------------------------------------------------------------------------

// Only what is about the latest press counts; after a reload that is the kept one.
function moved(stage) {
  if (!call.latest || (stage.press && stage.press !== call.latest)) return;
  const before = call.stage;
  call.stage = stage;
  save();
  const news = !before || before.stage !== stage.stage || before.say !== stage.say;
  if (news) cancelSaidUntil = 0;
  if (news && navigator.vibrate) navigator.vibrate(stage.stage === "done" ? 80 : [120, 60, 120]);
  show(news);
}

async function poll() {
  const open = call.latest && (!call.stage || call.stage.stage !== "done");
  const channelOpen = channel && channel.readyState === WebSocket.OPEN;
  const unsent = call.unsent.some((signal) => signal.press === call.latest);
  if (!open || channelOpen || unsent || !key) return;
  try {
    const path = `/v1/signals/${encodeURIComponent(device)}/${encodeURIComponent(call.latest)}`;
    const answer = await request(path, {});
    if (answer.ok) moved(await answer.json());
  } catch { /* The next turn asks again; what is shown stays true as of then. */ }
}

// --- showing and speaking --------------------------------------------------------------------------------------------

const element = (id) => document.getElementById(id);
let spoken = "";

function state() {
  if (call.unsent.some((signal) => signal.kind === "sos")) return failures > 0 ? "failed" : "sending";
  return call.stage ? call.stage.stage : "idle";
}

function words(now) {
  if (!device) return NO_DEVICE;
  const [, , zh, en] = STATES[now] || STATES.seeking;
  if (now === "failed" || now === "sending") return [zh, en];
  if (Date.now() < cancelSaidUntil) return CANCEL_SAID;
  if (call.unsent.some((signal) => signal.kind === "cancel")) {
    return failures > 0 ? ["取消还没有送到,正在重试…", "Cancel not delivered yet, trying again"] : [zh, en];
  }
  if (now === "received" && !call.verified) return [`${zh}。${UNVERIFIED[0]}`, UNVERIFIED[1]];
  const eta = call.stage && call.stage.eta_s;
  const about = eta ? `about ${Math.max(1, Math.ceil(eta / 60))} min` : "";
  const sent = now === "heard" ? `. Somebody is being sent, ${about}` : `, ${about}`;
  const minutes = about && (now === "heard" || now === "coming" || now === "delayed") ? sent : "";
  const ambulance = call.stage && call.stage.ambulance ? ". Ambulance called" : "";
  return [(call.stage && call.stage.say) || zh, en + minutes + ambulance];
}

function show(news) {
  const now = state();
  const [zh, en] = words(now);
  const [name, english] = STATES[now] || STATES.seeking;
  document.body.dataset.state = now;
  element("state").dataset.state = now;
  put("state", name, english);
  putPhrases("zh", zh);
  put("en", en);
  put("sos-en", now === "idle" || now === "done" ? "SOS" : "Press again");
  const open = now !== "idle" && now !== "done";
  element("cancel").hidden = !open;
  element("count").hidden = !(open && call.presses > 1);
  put("count", `已按 ${call.presses} 次 · pressed ${call.presses} times`);
  if (news) speak(zh);
}

function put(id, text, title) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
  if (title) target.title = title;
}

// The words are one text for a screen reader; for the eye a line breaks between phrases.
function putPhrases(id, text) {
  const target = element(id);
  if (target.textContent === text) return;
  const phrases = (text.match(/或?[^,。…;或]+[,。…;]*/g) || [text]).map((phrase) => {
    const span = document.createElement("span");
    span.textContent = phrase;
    return span;
  });
  if (phrases.map((span) => span.textContent).join("") === text) target.replaceChildren(...phrases);
  else target.textContent = text;
}

function speak(text) {
  if (!text || !window.speechSynthesis || text === spoken) return;
  spoken = text;
  try {
    speechSynthesis.cancel();
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.lang = "zh-CN";
    utterance.rate = 0.9;
    speechSynthesis.speak(utterance);
  } catch { /* No voice here: the words stand on the screen. */ }
}

// --- begin -----------------------------------------------------------------------------------------------------------

element("sos").addEventListener("click", () => { spoken = ""; press("sos"); });
element("cancel").addEventListener("click", () => { spoken = ""; press("cancel"); });
addEventListener("online", () => { dial(); work(true); });
addEventListener("offline", () => { if (channel) channel.close(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { dial(); work(true); poll(); } });
setInterval(poll, POLL_MS);
element("sos").disabled = !device;
show(false);
dial();
work(true);
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sos/sw.js", { scope: "/sos" }).catch(() => { /* No offline copy; all else works. */ });
}
