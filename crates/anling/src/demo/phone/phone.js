// The demo's duty phone: shows ringing calls, speaks them, sends the pressed digit.
'use strict';
const list = document.getElementById('calls');
const quiet = document.getElementById('quiet');
const spoken = new Set();
/** Rows by their key, each with what it shows: only what has changed is drawn again. */
const rows = new Map();

function text(kind, words, lang) {
  const it = document.createElement('p');
  it.className = kind;
  it.textContent = words;
  if (lang) it.lang = lang;
  return it;
}

function button(call, digit, words, kind) {
  const it = document.createElement('button');
  it.type = 'button';
  it.className = kind;
  it.textContent = words;
  it.dataset.testid = 'phone-' + digit;
  it.addEventListener('click', async () => {
    it.disabled = true;
    const said = await fetch('/demo/phone/calls/' + encodeURIComponent(call.call) + '/answer', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ digit }),
    }).catch(() => null);
    if (!said || !said.ok) {
      const problem = said ? await said.json().catch(() => ({})) : {};
      const who = problem.who ? ' · ' + problem.who : '';
      it.parentElement.querySelector('.said').textContent = (problem.title || '没有成功,请再试 · failed, try again') + who;
      it.disabled = false;
    }
    await refresh();
  });
  return it;
}

function ended(call) {
  if (call.answer === 1) return '已接单 accepted';
  if (call.answer) return '已退单 declined';
  return '没有人接听 nobody answered';
}

function draw(it, call) {
  it.className = call.rings ? 'ringing' : 'answered';
  it.dataset.incident = call.incident;
  it.replaceChildren(text('to', ''), text('say', call.say), text('say-en', call.say_en, 'en'));
  if (!call.rings) it.append(text('', ended(call)));
  else if (call.keyholder) it.append(text('hint', '持钥匙的家人听到的留言,没有要按的键。A message for the keyholder: nothing to press.'));
  else it.append(button(call, 1, '1 接单 accept', 'yes'), button(call, 2, '2 退单 decline', 'no'), text('said', ''));
  it.querySelector('.said')?.setAttribute('role', 'alert');
  if (call.rings && !spoken.has(call.call) && 'speechSynthesis' in window) {
    spoken.add(call.call);
    const words = new SpeechSynthesisUtterance(call.say);
    words.lang = 'zh-CN';
    speechSynthesis.speak(words);
  }
}

async function refresh() {
  const answer = await fetch('/demo/phone/calls').catch(() => null);
  if (!answer || !answer.ok) return;
  const { now, calls } = await answer.json();
  quiet.hidden = calls.length > 0;
  const keys = new Set(calls.map((call) => call.key));
  for (const [key, row] of rows) if (!keys.has(key)) { row.it.remove(); rows.delete(key); }
  calls.forEach((call, at) => {
    const what = JSON.stringify([call.call, call.rings, call.answer]);
    const row = rows.get(call.key) || { it: document.createElement('li'), what: '' };
    rows.set(call.key, row);
    if (row.what !== what) {
      row.what = what;
      draw(row.it, call);
    }
    row.it.querySelector('.to').textContent = '☎ ' + (call.to || '—') + ' · ' + Math.max(0, Math.round((now - call.at) / 1000)) + ' s';
    if (list.children[at] !== row.it) list.insertBefore(row.it, list.children[at] || null);
  });
}
refresh();
setInterval(refresh, 1000);
