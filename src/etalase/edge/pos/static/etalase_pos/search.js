// Searching as a hurried cashier types: no accents, no capitals, words in any order, parts of words.

/** `text` in the form in which it is compared. */
export function searchable(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** The words of what was typed. */
export function wordsOf(typed) {
  return searchable(typed).split(/\s+/).filter(Boolean);
}

/** Whether every word occurs in `searchableText`. */
export function matches(searchableText, words) {
  return words.every((word) => searchableText.includes(word));
}
