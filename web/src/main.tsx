import { render } from 'preact';
import { App } from './app';
import { loadChats } from './store/chats';
import './styles/base.css';
import './styles/layout.css';
import './styles/chat.css';
import './styles/markdown.css';
import './styles/panels.css';

void loadChats().then(() => render(<App />, document.getElementById('app')!));
