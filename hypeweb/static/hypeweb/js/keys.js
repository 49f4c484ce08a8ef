// Which answer a key gives. F and J lie under the index fingers, on a bump.

const BY_LETTER = { f: "fake", j: "real" };
const BY_PLACE = { KeyF: "fake", KeyJ: "real" };

// The printed letter counts; where the layout is not Latin, the key's place.
export function answerOfKey({ key, code, repeat, ctrlKey, metaKey, altKey }) {
  if (repeat || ctrlKey || metaKey || altKey) {
    return null;
  }
  const letter = key.toLowerCase();
  if (/^[a-z]$/.test(letter)) {
    return BY_LETTER[letter] ?? null;
  }
  return BY_PLACE[code] ?? null;
}
