// The answers: a strip of tiles that fills as scores arrive, and further down a card for each.
import { cardView } from './card.js';
import { fill, h, keyed } from './dom.js';
import { number, t } from './language.js';
import { inWords, standing } from './standing.js';

export function stripPart() {
  const strip = h('ol', { class: 'tiles' });
  const node = h('nav', { 'aria-label': t('answers.jump'), class: 'jump' }, strip);
  const draw = keyed(strip, ({ answer }) => answer.transcript_id, tileView);
  const update = ({ answers, state }) => {
    node.hidden = answers.length === 0;
    draw(answers.map((answer, index) => ({ answer, number: index + 1, state })));
  };
  return { node, update };
}

export function answersPart(context) {
  const cards = h('div', { class: 'cards' });
  const none = h('p', { class: 'panel soft' }, t('answers.none'));
  const node = h('section', { 'aria-labelledby': 'answers-title' }, h('h2', { id: 'answers-title' }, t('answers.title')), none, cards);
  const failedSpeech = new Set();
  let shown;
  const drawCards = keyed(cards, ({ answer }) => answer.transcript_id, (item) => cardView(item.answer, context));
  const update = (doc) => {
    shown = doc;
    const items = doc.answers.map((answer, index) => ({ answer, number: index + 1, state: doc.state, language: doc.language, speechFailed: failedSpeech.has(answer.question_id) }));
    none.hidden = items.length > 0;
    drawCards(items);
  };
  const speechFailed = (question) => {
    failedSpeech.add(question);
    if (shown) update(shown);
  };
  return { node, update, speechFailed };
}

const SIGNS = { waiting: '…', open: '·', insufficient: '–', failed: '!' };

function tileView() {
  const node = h('li');
  let drawn;
  const update = ({ answer, number: n, state }) => {
    const now = standing(answer, state);
    const text = inWords(now);
    if (text === drawn) return;
    const arrived = drawn !== undefined && now.kind !== 'waiting';
    drawn = text;
    const sign = now.total === null ? SIGNS[now.kind] : number(now.total);
    fill(node, h('a', { href: `#answer-${answer.transcript_id}`, class: `tile ${now.kind}${arrived ? ' arrived' : ''}`, title: text },
      h('span', { class: 'n', 'aria-hidden': 'true' }, String(n)), h('span', { class: 'v', 'aria-hidden': 'true' }, sign),
      h('span', { class: 'hidden' }, `${t('answer.question', { n })}: ${text}`)));
  };
  return { node, update };
}
