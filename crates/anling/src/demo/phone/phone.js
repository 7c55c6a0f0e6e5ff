// The demo's duty phone: shows ringing calls, speaks them, sends the pressed digit.
'use strict';
const list = document.getElementById('calls');
const quiet = document.getElementById('quiet');
const spoken = new Set();

function button(call, digit, text, kind) {
  const it = document.createElement('button');
  it.type = 'button';
  it.className = kind;
  it.textContent = text;
  it.dataset.testid = 'phone-' + digit;
  it.addEventListener('click', async () => {
    it.disabled = true;
    const said = await fetch('/demo/phone/calls/' + encodeURIComponent(call.call) + '/answer', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ digit }),
    });
    if (!said.ok) {
      const problem = await said.json().catch(() => ({}));
      it.textContent = problem.title || '没有成功,请再试 · failed, try again';
      it.disabled = false;
    }
    await refresh();
  });
  return it;
}

function row(call, now) {
  const it = document.createElement('li');
  it.className = call.answer ? 'answered' : 'ringing';
  it.dataset.incident = call.incident;
  const head = document.createElement('p');
  head.className = 'to';
  head.textContent = '☎ ' + (call.to || '—') + ' · ' + Math.max(0, Math.round((now - call.at) / 1000)) + ' s';
  const say = document.createElement('p');
  say.className = 'say';
  say.textContent = call.say;
  const english = document.createElement('p');
  english.className = 'say-en';
  english.lang = 'en';
  english.textContent = call.say_en;
  it.append(head, say, english);
  if (call.answer) {
    const done = document.createElement('p');
    done.textContent = call.answer === 1 ? '已接单 accepted' : '已退单 declined';
    it.append(done);
  } else {
    it.append(button(call, 1, '1 接单 accept', 'yes'), button(call, 2, '2 退单 decline', 'no'));
    if (!spoken.has(call.call) && 'speechSynthesis' in window) {
      spoken.add(call.call);
      const words = new SpeechSynthesisUtterance(call.say);
      words.lang = 'zh-CN';
      speechSynthesis.speak(words);
    }
  }
  return it;
}

let before = '';
async function refresh() {
  const answer = await fetch('/demo/phone/calls').catch(() => null);
  if (!answer || !answer.ok) return;
  const { now, calls } = await answer.json();
  const key = JSON.stringify(calls);
  quiet.hidden = calls.length > 0;
  if (key === before && list.querySelector(':focus')) return;
  before = key;
  list.replaceChildren(...calls.map((call) => row(call, now)));
}
refresh();
setInterval(refresh, 1000);
