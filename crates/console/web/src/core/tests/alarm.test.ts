// For: what sounds and what is announced.
// May not know: loudspeakers.
import { describe, expect, it } from 'vitest';
import { AlarmState } from '../alarm';
import { PATTERNS, REPEAT_MS } from '../sound';
import { chineseVoice } from '../speech';
import { card } from './cards';

describe('the alarm', () => {
  it('sounds the most pressing of what rings me and announces each once', () => {
    const alarm = new AlarmState();
    const cards = [
      card({ id: 'a', priority: 2, rings_me: true }),
      card({ id: 'b', rings_me: true }),
      card({ id: 'c' }),
    ];
    expect(alarm.look(cards)).toMatchObject({ tone: 1, raised: [{ id: 'b' }, { id: 'a' }] });
    expect(alarm.look(cards)).toMatchObject({ tone: 1, raised: [] });
  });

  it('is silent when somebody has accepted', () => {
    const alarm = new AlarmState();
    alarm.look([card({ rings_me: true })]);
    expect(alarm.look([card({ phase: 'accepted' })]).tone).toBeNull();
  });

  it('stops at once for what I accept, and sounds again when that is refused', () => {
    const alarm = new AlarmState();
    alarm.look([card({ rings_me: true })]);
    alarm.silence('a');
    expect(alarm.look([card({ rings_me: true })]).tone).toBeNull();
    alarm.resound('a');
    expect(alarm.look([card({ rings_me: true })]).tone).toBe(1);
  });

  it('announces a press again, also of one I have silenced', () => {
    const alarm = new AlarmState();
    alarm.look([card({ rings_me: true })]);
    alarm.silence('a');
    const again = alarm.look([card({ rings_me: true, presses: 2 })]);
    expect(again).toMatchObject({ tone: 1, raised: [{ presses: 2 }] });
  });

  it('announces one that comes back into the queue', () => {
    const alarm = new AlarmState();
    alarm.look([card({ rings_me: true })]);
    alarm.look([card({ phase: 'accepted' })]);
    expect(alarm.look([card({ rings_me: true, lapses: 1 })]).raised).toHaveLength(1);
  });

  it('has a rhythm of its own for every priority, shorter than its repetition', () => {
    const rhythms = [1, 2, 3, 4].map((priority) =>
      (PATTERNS[priority] ?? []).map((beep) => [beep.at, beep.length]),
    );
    expect(new Set(rhythms.map((rhythm) => JSON.stringify(rhythm))).size).toBe(4);
    for (const beeps of Object.values(PATTERNS))
      for (const { at, length } of beeps) expect((at + length) * 1000).toBeLessThan(REPEAT_MS);
  });

  it('prefers a mainland voice and takes no foreign one', () => {
    const voice = (lang: string) => ({ lang }) as SpeechSynthesisVoice;
    expect(chineseVoice([voice('en-US'), voice('zh-TW'), voice('zh_CN')])?.lang).toBe('zh_CN');
    expect(chineseVoice([voice('en-US')])).toBeUndefined();
  });
});
