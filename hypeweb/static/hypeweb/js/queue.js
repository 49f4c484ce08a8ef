// Getting an answer to the server, whatever the network does. The answer is
// stored before it is sent and forgotten only when the server has replied to it.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const FORBIDDEN = 403;

// The server understood and said no: trying again would not help.
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.name = "Refused";
    this.status = status;
  }

  // Nobody has looked at what was sent: cookies are missing, or a network forbade it.
  get isForbidden() {
    return this.status === FORBIDDEN;
  }
}

export function delayMs(nFailures) {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (nFailures - 1));
}

// Repeats attempt until it succeeds or is refused.
export async function persist(attempt, { wait, onFailure = () => {} }) {
  for (let nFailures = 1; ; nFailures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused) {
        throw error;
      }
      onFailure(nFailures);
      await wait(delayMs(nFailures));
    }
  }
}

// send(answer) resolves with the reply, or rejects: Refused for good, anything
// else for now. storage is a Storage such as localStorage.
export function createQueue({ send, storage, key, wait, onFailure }) {
  const stored = () => {
    try {
      return JSON.parse(storage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  };
  const store = (answer) => {
    try {
      storage.setItem(key, JSON.stringify(answer));
    } catch {
      // Storage may be full or forbidden; the answer still lives in this page.
    }
  };

  // Another tab may have stored an answer of its own meanwhile.
  const forget = (answer) => {
    if (stored()?.nonce === answer?.nonce) {
      storage.removeItem(key);
    }
  };

  const deliver = async (answer) => {
    try {
      const reply = await persist(() => send(answer), { wait, onFailure });
      forget(answer);
      return reply;
    } catch (error) {
      if (!error.isForbidden) {
        forget(answer);
      }
      throw error;
    }
  };

  return {
    hasPending: () => stored() !== null,
    submit(answer) {
      store(answer);
      return deliver(answer);
    },
    resend: () => deliver(stored()),
  };
}
