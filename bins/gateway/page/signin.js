// Asks for a token where the visitor has none, or the one there was is refused.
import { h } from './dom.js';
import { t } from './language.js';
import { keep } from './session.js';

export function signInView(refused, done) {
  const problem = h('p', { class: 'error', id: 'token-problem', role: 'alert' }, refused ? t('sign.refused') : '');
  const field = h('input', {
    id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': 'token-problem',
  });
  const submit = (event) => {
    event.preventDefault();
    const value = field.value.trim();
    if (!value) {
      problem.textContent = t('sign.empty');
      return field.focus();
    }
    keep(value);
    done();
  };
  const node = h('section', { class: 'panel sign' },
    h('h1', null, t('sign.title')),
    h('p', { class: 'soft' }, t('sign.lead')),
    h('form', { onsubmit: submit, novalidate: true },
      h('label', { for: 'token' }, t('sign.label')),
      h('div', { class: 'row' }, field, h('button', { class: 'primary' }, t('sign.go'))),
      problem));
  return { title: t('sign.title'), node };
}
