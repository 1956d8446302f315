// Markdown as elements. Text only ever becomes text nodes.
import { memo } from '../parts/memo';
import type { Block, Inline } from './ast';
import { parseMarkdown, splitTopLevel } from './blocks';
import { CodeBlock } from './code_block';
import { Formula } from './formula';

// `growing`: more text may follow.
export function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  const parts = splitTopLevel(text);
  if (growing && parts.length > 0) parts.push(closeOpenMarks(parts.pop()!));
  return (
    <div class="markdown">
      {parts.map((part, index) => <Part key={index} text={part} />)}
    </div>
  );
}

// Code and bold text look so from their first character on, not only when their end has come.
export function closeOpenMarks(part: string): string {
  if (/^\s*(`{3,}|~{3,})/m.test(part)) return part;
  const line = part.slice(part.lastIndexOf('\n') + 1);
  if ((line.match(/`/g) ?? []).length % 2 === 1) return line.endsWith('`') ? part.slice(0, -1) : `${part}\``;
  const plain = line.replace(/`[^`]*`/g, '');
  if ((plain.match(/\*\*/g) ?? []).length % 2 === 0) return part;
  return plain.endsWith('**') ? part.slice(0, -2) : `${part.replace(/\*$/, '')}**`;
}

const Part = memo(function Part({ text }: { text: string }) {
  return <Blocks blocks={parseMarkdown(text)} />;
});

function Blocks({ blocks, tight = false }: { blocks: Block[]; tight?: boolean }) {
  return <>{blocks.map((block, index) => <BlockView key={index} block={block} tight={tight} />)}</>;
}

function BlockView({ block, tight }: { block: Block; tight: boolean }) {
  switch (block.kind) {
    case 'paragraph':
      return tight ? <Inlines inlines={block.children} /> : <p><Inlines inlines={block.children} /></p>;
    case 'heading':
      // Models skip levels; in the outline of the page all headings of an answer lie below its own.
      return <h3 class={`level-${block.level}`}><Inlines inlines={block.children} /></h3>;
    case 'code':
      return <CodeBlock lang={block.lang} text={block.text} />;
    case 'math':
      return <div class="formula" tabIndex={0} role="group" aria-label="Formula"><Formula tex={block.tex} display /></div>;
    case 'quote':
      return <blockquote><Blocks blocks={block.blocks} /></blockquote>;
    case 'list':
      return <ListView list={block} />;
    case 'table':
      return <TableView table={block} />;
    case 'rule':
      return <hr />;
  }
}

function ListView({ list }: { list: Extract<Block, { kind: 'list' }> }) {
  const items = list.items.map((item, index) => (
    <li key={index} class={item.checked === null ? undefined : 'task'}>
      {item.checked !== null && <input type="checkbox" checked={item.checked} disabled aria-label={item.checked ? 'Done' : 'To do'} />}
      <Blocks blocks={item.blocks} tight={list.tight} />
    </li>
  ));
  return list.ordered ? <ol start={list.start}>{items}</ol> : <ul>{items}</ul>;
}

function TableView({ table }: { table: Extract<Block, { kind: 'table' }> }) {
  const side = (column: number) => table.align[column] ?? undefined;
  return (
    <div class="table" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>{table.head.map((cell, i) => <th key={i} class={side(i)} scope="col"><Inlines inlines={cell} /></th>)}</tr>
        </thead>
        <tbody>
          {table.rows.map((row, r) => (
            <tr key={r}>{row.map((cell, i) => <td key={i} class={side(i)}><Inlines inlines={cell} /></td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Inlines({ inlines }: { inlines: Inline[] }) {
  return <>{inlines.map((inline, index) => <InlineView key={index} inline={inline} />)}</>;
}

function InlineView({ inline }: { inline: Inline }) {
  switch (inline.kind) {
    case 'text':
      return <>{inline.text}</>;
    case 'code':
      return <code>{inline.text}</code>;
    case 'math':
      return <Formula tex={inline.tex} display={inline.display} />;
    case 'strong':
      return <strong><Inlines inlines={inline.children} /></strong>;
    case 'em':
      return <em><Inlines inlines={inline.children} /></em>;
    case 'del':
      return <del><Inlines inlines={inline.children} /></del>;
    case 'link':
      return <a href={inline.href} target="_blank" rel="noopener noreferrer nofollow"><Inlines inlines={inline.children} /></a>;
    case 'image':
      // Never fetched: an image's address could carry the conversation to its server.
      return inline.src
        ? <a href={inline.src} target="_blank" rel="noopener noreferrer nofollow">{`🖼 ${inline.alt || inline.src}`}</a>
        : <>{inline.alt}</>;
    case 'break':
      return <br />;
  }
}
