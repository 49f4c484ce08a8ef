// Works that may fail and be asked for again: what is done, or under way, is not
// begun twice.
export function createKeeper() {
  const works = new Map();
  return (name, begin) => {
    if (!works.has(name)) {
      const work = begin();
      works.set(name, work);
      work.catch(() => works.delete(name));
    }
    return works.get(name);
  };
}
