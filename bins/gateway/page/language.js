// Which language the page speaks, and how it writes numbers, times and lengths in it.
import { words } from './text.js';

const KEY = 'viva.language';
let language = remembered() ?? ((navigator.languages ?? [navigator.language])[0]?.toLowerCase().startsWith('ko') ? 'ko' : 'en');

function remembered() {
  try {
    const found = localStorage.getItem(KEY);
    return found === 'ko' || found === 'en' ? found : null;
  } catch {
    return null; // storage may be forbidden; the page works without
  }
}

export const current = () => language;

export function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch { /* not remembered, then */ }
}

/** The text `key` in the current language, with its {places} filled. */
export function t(key, places = {}) {
  const pair = words[key];
  if (!pair) return key;
  return pair[language === 'ko' ? 0 : 1].replace(/\{(\w+)\}/g, (whole, name) => (name in places ? String(places[name]) : whole));
}

/** A name that the server gave by id (a stage, a band, a state): in words where the table has it, else as it came. */
export function named(kind, id) {
  const key = `${kind}.${String(id).toLowerCase()}`;
  return words[key] ? t(key) : String(id).replaceAll('_', ' ');
}

export const number = (value, digits = 0, least = digits) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: least, maximumFractionDigits: digits }).format(value);

export const percent = (share) => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(share);

export const moment = (value) =>
  new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(value));

export const clock = (value) => new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(new Date(value));

/** A length of time in the unit that people would use. */
export function lasting(ms) {
  const size = Math.abs(ms);
  if (size < 1000) return t('unit.ms', { n: number(ms) });
  if (size < 60_000) return t('unit.s', { n: number(ms / 1000, 1, 0) });
  if (size < 3_600_000) return t('unit.min', { n: number(ms / 60_000, 1, 0) });
  return t('unit.h', { n: number(ms / 3_600_000, 1, 0) });
}
