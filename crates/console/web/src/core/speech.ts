// For: saying an alarm aloud in Chinese where the browser has such a voice.
// May not know: incidents.

/** Lines waiting to be spoken at most; an older one is no news any more. */
const SPOKEN_LIMIT = 3;

/** The Chinese voice of this browser, a mainland one first. */
export function chineseVoice(voices: readonly SpeechSynthesisVoice[]): SpeechSynthesisVoice | undefined {
  const word = (voice: SpeechSynthesisVoice) => voice.lang.replace('_', '-').toLowerCase();
  return (
    voices.find((voice) => word(voice) === 'zh-cn') ?? voices.find((voice) => word(voice).startsWith('zh'))
  );
}

/** Speaks the lines one after the other; false when there is no voice. */
export function speak(lines: readonly string[]): boolean {
  const synthesis = globalThis.speechSynthesis;
  const voice = synthesis && chineseVoice(synthesis.getVoices());
  if (!voice) return false;
  for (const line of lines.slice(0, SPOKEN_LIMIT)) {
    const utterance = new SpeechSynthesisUtterance(line);
    utterance.voice = voice;
    utterance.lang = voice.lang;
    utterance.rate = 1.05;
    synthesis.speak(utterance);
  }
  return true;
}

/** Somebody has accepted: nothing more needs saying. */
export function hush(): void {
  globalThis.speechSynthesis?.cancel();
}
