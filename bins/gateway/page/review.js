// What a person decided about a score, and the form to decide it.
import { call } from './api.js';
import { announce, fill, h, part } from './dom.js';
import { moment, number, t } from './language.js';
import { trouble } from './states.js';

export function reviewPart(context) {
  const select = ({ answer: { evaluation } }) => evaluation && { id: evaluation.evaluation_id, status: evaluation.status, max: evaluation.max, review: evaluation.human_review ?? null, language: evaluation.language };
  return part(h('div', { class: 'review' }), select, (found) => found && [found.review && wordOf(found), context.staff && form(found, context)]);
}

function wordOf({ review, status, language }) {
  const who = review.reviewer;
  const word = review.total !== null && review.total !== undefined
    ? t('review.overridden', { who, n: number(review.total) })
    : t(status === 'scored' ? 'review.confirmed' : 'review.confirmed.none', { who });
  return h('div', { class: 'decided', tabindex: '-1' }, h('h4', null, t('review.title')), h('p', null, word, review.at_ms && h('span', { class: 'soft' }, ` · ${moment(review.at_ms)}`)),
    h('p', { lang: language }, review.reason));
}

function form(found, context) {
  const name = (part) => `${part}-${found.id}`;
  const radio = (value, key, checked) => h('label', { class: 'choice' }, h('input', { type: 'radio', name: name('decision'), value, checked, onchange: () => { total.disabled = value === 'keep'; } }), t(key));
  const total = h('input', { id: name('total'), type: 'number', min: 0, max: found.max, step: 1, inputmode: 'numeric', disabled: true, 'aria-describedby': name('problem') });
  const reason = h('textarea', { id: name('reason'), rows: 3, required: true, 'aria-describedby': `${name('hint')} ${name('problem')}` });
  const problem = h('div', { id: name('problem'), class: 'error', role: 'alert' });
  const send = h('button', { class: 'primary' }, t('review.save'));
  const submit = async (event) => {
    event.preventDefault();
    fill(problem);
    for (const field of [total, reason]) field.removeAttribute('aria-invalid');
    const value = total.disabled ? null : Number(total.value);
    if (value !== null && (total.value === '' || !Number.isInteger(value) || value < 0 || value > found.max)) return refuse(total, 'review.bad-total');
    if (!reason.value.trim()) return refuse(reason, 'review.bad-reason');
    send.disabled = true;
    try {
      await call(`/v1/evaluations/${encodeURIComponent(found.id)}/reviews`, { method: 'POST', body: { total: value, reason: reason.value.trim() } });
      announce(t('review.saved'));
      const card = send.closest('.card');
      await context.changed();
      card.querySelector('.decided')?.focus(); // the form is drawn anew, and closed
    } catch (error) {
      fill(problem, trouble(error));
    }
    send.disabled = false;
  };
  const refuse = (field, key) => {
    fill(problem, t(key, { max: number(found.max) }));
    field.setAttribute('aria-invalid', 'true');
    field.focus();
  };
  return h('details', null, h('summary', null, t(found.review ? 'review.open.again' : 'review.open')),
    h('form', { onsubmit: submit, oninput: (event) => event.target.removeAttribute('aria-invalid'), novalidate: true },
      h('fieldset', null, h('legend', null, t('review.decision')), radio('keep', found.status === 'scored' ? 'review.keep' : 'review.keep.none', true), radio('change', 'review.change', false),
        h('label', { for: name('total') }, t('review.total', { max: number(found.max) })), total),
      h('label', { for: name('reason') }, t('review.reason')), reason,
      h('p', { class: 'soft', id: name('hint') }, t('review.reason.hint')), problem, send));
}
