import { Component, type ComponentChild, type FunctionComponent } from 'preact';

// Renders again only if a property changed.
export function memo<P extends object>(view: (props: P) => ComponentChild): FunctionComponent<P> {
  class Memo extends Component<P> {
    shouldComponentUpdate(next: Readonly<P>): boolean {
      const now = this.props as Record<string, unknown>;
      const then = next as Record<string, unknown>;
      return Object.keys({ ...now, ...then }).some((key) => now[key] !== then[key]);
    }
    render(props: P): ComponentChild {
      return view(props);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
