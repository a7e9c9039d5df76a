// How the question sounds, or that there is no recording of it yet.
import { call } from './api.js';
import { announce, fill, h, part } from './dom.js';
import { lasting, t } from './language.js';
import { trouble } from './states.js';

export function audioPart(answer, context) {
  const select = ({ answer: { audio }, number, speechFailed }) => [audio, number, speechFailed];
  return part(h('div', { class: 'audio' }), select, ([audio, n, failed]) => (audio ? player(audio, n) : absent(answer.question_id, failed, context)));
}

function player(audio, n) {
  const length = typeof audio.duration_ms === 'number' ? ` · ${lasting(audio.duration_ms)}` : '';
  // The address is the clip's own hash: it needs no token, and never changes under the player.
  return [h('p', { class: 'soft' }, t('answer.listen'), length),
    h('audio', { controls: true, preload: 'none', src: audio.url, 'aria-label': `${t('answer.question', { n })}: ${t('answer.listen')}` })];
}

function absent(question, failed, context) {
  const line = h('span', { class: 'soft' }, t(failed ? 'answer.listen.failed' : 'answer.listen.none'));
  if (!context.staff || question === null || question === undefined) return line;
  const problem = h('div');
  const make = async () => {
    button.disabled = true;
    fill(problem);
    try {
      await call(`/v1/questions/${question}/speech`, { method: 'POST' });
      line.textContent = t('answer.listen.making');
      announce(t('answer.listen.making'));
      context.changed();
    } catch (error) {
      button.disabled = false;
      fill(problem, trouble(error));
    }
  };
  const button = h('button', { class: 'quiet small', onclick: make }, t('answer.listen.make'));
  return [h('span', { class: 'row' }, line, button), problem];
}
