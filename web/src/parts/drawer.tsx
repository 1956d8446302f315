// A panel beside the content where there is room, and a modal dialog over it where there is none.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useMedia } from './media';

interface DrawerProps {
  name: string; // class and id
  label: string;
  open: boolean;
  modalWhen: string; // media query
  onClose: () => void;
  children: ComponentChildren;
}

export function Drawer({ name, label, open, modalWhen, onClose, children }: DrawerProps) {
  const modal = useMedia(modalWhen);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element || !modal || !open) return;
    element.showModal();
    return () => element.close();
  }, [modal, open]);
  if (!open) return null;
  if (!modal) return <aside id={name} class={`drawer ${name}`} aria-label={label}>{children}</aside>;
  return (
    <dialog
      ref={dialog} id={name} class={`drawer modal ${name}`} aria-label={label}
      onCancel={(e) => { e.preventDefault(); onClose(); }}
      onClick={(e) => { if (e.target === dialog.current) onClose(); }}
    >
      {children}
    </dialog>
  );
}
