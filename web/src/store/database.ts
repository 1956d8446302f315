// Conversations in the browser's own database. Where there is none (private windows of some browsers),
// they live as long as the page.
import type { Conversation } from '../chat/conversation';

const NAME = 'trivet';
const STORE = 'conversations';

export interface Database {
  durable: boolean;
  all(): Promise<Conversation[]>;
  put(conversation: Conversation): Promise<void>;
  remove(id: string): Promise<void>;
}

export async function openDatabase(): Promise<Database> {
  try {
    return new BrowserDatabase(await open());
  } catch {
    return new MemoryDatabase();
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('no database'));
    request.onblocked = () => reject(new Error('the database is blocked'));
  });
}

class BrowserDatabase implements Database {
  readonly durable = true;
  constructor(private readonly db: IDBDatabase) {}

  all(): Promise<Conversation[]> {
    return this.run('readonly', (store) => store.getAll() as IDBRequest<Conversation[]>);
  }
  async put(conversation: Conversation): Promise<void> {
    await this.run('readwrite', (store) => store.put(conversation));
  }
  async remove(id: string): Promise<void> {
    await this.run('readwrite', (store) => store.delete(id));
  }

  private run<T>(mode: IDBTransactionMode, action: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = this.db.transaction(STORE, mode);
      const request = action(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error('the database refused'));
    });
  }
}

class MemoryDatabase implements Database {
  readonly durable = false;
  private readonly kept = new Map<string, Conversation>();
  async all(): Promise<Conversation[]> {
    return [...this.kept.values()];
  }
  async put(conversation: Conversation): Promise<void> {
    this.kept.set(conversation.id, conversation);
  }
  async remove(id: string): Promise<void> {
    this.kept.delete(id);
  }
}
