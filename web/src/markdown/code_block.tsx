import { useState } from 'preact/hooks';
import { copyText } from '../parts/clipboard';
import { Icon } from '../parts/icon';
import { highlight } from './highlight';

export function CodeBlock({ lang, text }: { lang: string; text: string }) {
  const [copied, setCopied] = useState(false);
  const [wraps, setWraps] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  const label = lang || 'text';
  return (
    <figure class="code" aria-label={`Code, ${label}`}>
      <figcaption>
        <span class="lang">{label}</span>
        <button type="button" class="quiet small" aria-pressed={wraps} onClick={() => setWraps(!wraps)}>Wrap</button>
        <button type="button" class="quiet small" onClick={copy} aria-label={copied ? 'Copied' : 'Copy code'}>
          <Icon name={copied ? 'check' : 'copy'} />
          <span>{copied ? 'Copied' : 'Copy'}</span>
        </button>
      </figcaption>
      <pre tabIndex={0} class={wraps ? 'wraps' : ''}>
        <code>{highlight(text, lang).map(([shade, part], i) => (shade ? <span key={i} class={`hl-${shade}`}>{part}</span> : part))}</code>
      </pre>
    </figure>
  );
}
