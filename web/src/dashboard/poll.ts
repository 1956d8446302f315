// Asks a server for its numbers about once a second while the dashboard is shown.
import { useEffect, useState } from 'preact/hooks';
import { headers, rootUrl } from '../api/client';
import { keyOf } from '../store/preferences';
import { parseMetrics, statsFromScrapes, type Scrape } from './prometheus';
import { mergeHistory, readStats, type Stats } from './stats';

export const HISTORY_SECONDS = 600;
const INTERVAL_MS = 1000;

export interface Polled {
  stats: Stats | null;
  error: string;
}

class Poller {
  private stats: Stats | null = null;
  private scrapes: Scrape[] = [];
  private hasStats: boolean | null = null;

  constructor(private readonly server: string, private readonly key: string) {}

  async once(signal: AbortSignal): Promise<Stats> {
    const fresh = this.hasStats === false ? await this.fromMetrics(signal) : await this.fromStats(signal);
    fresh.history = mergeHistory(this.stats?.history ?? [], fresh.history, HISTORY_SECONDS);
    this.stats = fresh;
    return fresh;
  }

  private async fromStats(signal: AbortSignal): Promise<Stats> {
    const query = this.stats ? '?history=5' : '';
    const response = await fetch(rootUrl(this.server, `/v1/trivet/stats${query}`), { headers: headers(this.key), signal });
    if (response.status === 404) {
      this.hasStats = false;
      return this.fromMetrics(signal);
    }
    if (!response.ok) throw new Error(refusal(response.status));
    this.hasStats = true;
    return readStats(await response.json());
  }

  private async fromMetrics(signal: AbortSignal): Promise<Stats> {
    const response = await fetch(rootUrl(this.server, '/metrics'), { headers: headers(this.key), signal });
    if (!response.ok) throw new Error(refusal(response.status));
    this.scrapes = [...this.scrapes.slice(1 - HISTORY_SECONDS), parseMetrics(await response.text(), Date.now() / 1000)];
    return statsFromScrapes(this.scrapes);
  }
}

function refusal(status: number): string {
  return status === 401 ? 'The server wants an API key: give it in the settings of the chat.' : `The server answered ${status}.`;
}

export function useStats(server: string, paused: boolean): Polled {
  const [polled, setPolled] = useState<Polled>({ stats: null, error: '' });
  const key = keyOf(server);
  useEffect(() => setPolled({ stats: null, error: '' }), [server, key]);
  useEffect(() => {
    if (paused) return;
    const poller = new Poller(server, key);
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const turn = async () => {
      try {
        if (!document.hidden) {
          const stats = await poller.once(end.signal);
          setPolled({ stats, error: '' });
        }
      } catch (error) {
        if (end.signal.aborted) return;
        const message = error instanceof TypeError ? 'The server cannot be reached.' : (error as Error).message;
        setPolled((before) => ({ stats: before.stats, error: message }));
      }
      if (!end.signal.aborted) timer = setTimeout(turn, INTERVAL_MS);
    };
    void turn();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [server, key, paused]);
  return polled;
}
