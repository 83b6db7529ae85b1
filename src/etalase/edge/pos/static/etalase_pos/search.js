// Searches as a hurried cashier types: no accents, no capitals, words in any order, parts of words, several words in one
// ("nasgor"), and small typing errors. Pure.

// Letters without a decomposition in Unicode.
const PLAIN = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };
const LEAST_TYPO_LETTERS = 3;
const BEGINNING_TYPO_LETTERS = 4; // a shorter one is compared with whole words only: too many words begin much like it
const TWO_TYPOS_LETTERS = 7;
const MOST_JOINED_LETTERS = 30; // one bit each

/** Returns `text` in the form in which it is compared. */
export function searchable(text) {
  return text
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cf}]/gu, "") // accents, and characters that nobody sees
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, (letter) => PLAIN[letter]);
}

/** Returns the words of the typed text. */
export function wordsOf(typed) {
  return searchable(typed).split(/\s+/).filter(Boolean);
}

/** Returns the searchable form of a product. */
export function entryOf({ name, sku }) {
  const text = searchable(`${name} ${sku}`);
  return { text, words: text.match(/[\p{L}\p{N}]+/gu) ?? [] };
}

/** Returns the items that match the typed words, the best first, each rank in the order of `items`. */
export function found(items, entryOfItem, typedWords) {
  if (typedWords.length === 0) return items;
  const looks = typedWords.map((typed) => lookFor(typed));
  const ranks = [[], [], [], []];
  for (const item of items) {
    const place = rank(entryOfItem(item), looks);
    if (place !== null) ranks[place].push(item);
  }
  return ranks.flat();
}

/**
 * Returns how well the entry matches all typed words: 0 if each begins a word, 1 if one is another part of the text, 2 if one
 * joins the beginnings of successive words, 3 if one has a typing error, or null.
 */
function rank(entry, looks) {
  let worst = 0;
  for (const look of looks) {
    const one = rankOfWord(entry, look);
    if (one === null) return null;
    worst = Math.max(worst, one);
  }
  return worst;
}

/** Returns a typed word with what is known of it. A menu has few different words: each is compared once. */
function lookFor(typed) {
  const letters = typed.replace(/[^\p{L}\p{N}]/gu, "");
  return { typed, letters, forgives: letters.length >= LEAST_TYPO_LETTERS && !/\d/.test(letters), typos: new Map() };
}

function rankOfWord({ text, words }, look) {
  if (text.includes(look.typed)) {
    const begins = ` ${text}`.includes(` ${look.typed}`) || words.some((word) => word.startsWith(look.typed));
    return begins ? 0 : 1;
  }
  if (look.letters.length < 2) return null;
  if (look.letters.length <= MOST_JOINED_LETTERS && joinsBeginnings(look.letters, words)) return 2;
  return look.forgives && words.some((word) => hasTypo(look, word)) ? 3 : null;
}

function joinsBeginnings(letters, words) {
  return words.some((word, first) => word[0] === letters[0] && reachesEnd(letters, words, first));
}

/** Whether `letters` are beginnings of `words`, one word after the other from `first` on, at least a letter of each. */
function reachesEnd(letters, words, first) {
  let reached = 1; // bit n: the first n letters are found
  for (let index = first; index < words.length && reached !== 0; index += 1) {
    const word = words[index];
    let further = 0;
    for (let from = 0; reached >> from !== 0; from += 1) {
      if (((reached >> from) & 1) === 0) continue;
      for (let length = 0; length < word.length && word[length] === letters[from + length]; length += 1) {
        further |= 1 << (from + length + 1);
      }
    }
    if ((further >> letters.length) & 1) return true;
    reached = further;
  }
  return false;
}

function hasTypo({ letters, typos }, word) {
  // A wrong first letter is rare, except where the first two have changed places.
  if (word[0] !== letters[0] && (word[0] !== letters[1] || word[1] !== letters[0])) return false;
  let near = typos.get(word);
  if (near === undefined) {
    const most = letters.length < TWO_TYPOS_LETTERS ? 1 : 2;
    const whole = letters.length < BEGINNING_TYPO_LETTERS;
    typos.set(word, (near = whole ? swapped(letters, word) || lacksOne(letters, word) : nearBeginning(letters, word, most)));
  }
  return near;
}

/** Whether two neighbours of `letters` have changed places in `word`. */
function swapped(letters, word) {
  if (word.length !== letters.length) return false;
  const at = [...letters].findIndex((letter, index) => letter !== word[index]);
  return word === letters.slice(0, at) + letters[at + 1] + letters[at] + letters.slice(at + 2);
}

/** Whether `word` has one letter more than `letters`. */
function lacksOne(letters, word) {
  if (word.length !== letters.length + 1) return false;
  const differs = [...letters].findIndex((letter, index) => letter !== word[index]);
  const at = differs < 0 ? letters.length : differs;
  return word.slice(at + 1) === letters.slice(at);
}

/** Whether a beginning of `word` is at most `most` edits away; two letters that changed places are one edit. */
function nearBeginning(letters, word, most) {
  if (word.length < letters.length - most) return false;
  const width = Math.min(word.length, letters.length + most);
  let before = [];
  let last = Array.from({ length: width + 1 }, (_, column) => column);
  for (let row = 1; row <= letters.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= width; column += 1) {
      const same = letters[row - 1] === word[column - 1];
      let edits = Math.min(last[column - 1] + (same ? 0 : 1), last[column] + 1, current[column - 1] + 1);
      const swapped = row > 1 && column > 1 && letters[row - 1] === word[column - 2] && letters[row - 2] === word[column - 1];
      if (swapped) edits = Math.min(edits, before[column - 2] + 1);
      current.push(edits);
    }
    if (Math.min(...current) > most) return false;
    before = last;
    last = current;
  }
  return Math.min(...last) <= most;
}
