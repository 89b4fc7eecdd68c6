import { createRoot } from 'react-dom/client';
import { App } from './App';
import { installHandle } from './model/handle';
import { parseRoute } from './model/route';
import { Visit } from './model/visit';
import './styles/base.css';
import './styles/controls.css';
import './styles/lobby.css';
import './styles/call.css';
import './styles/panel.css';

const visit = new Visit(parseRoute(location.pathname, location.search));
installHandle(visit);
createRoot(document.getElementById('root')!).render(<App visit={visit} />);
void visit.start();
