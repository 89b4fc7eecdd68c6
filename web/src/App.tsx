import { useVisit } from './hooks/use-visit';
import type { Visit } from './model/visit';
import { CallPage } from './pages/CallPage';
import { LeftPage } from './pages/LeftPage';
import { LobbyPage } from './pages/LobbyPage';
import { StreamPage } from './pages/StreamPage';
import { WatchDoorPage } from './pages/WatchDoorPage';
import { WatchPage } from './pages/WatchPage';

/** Which screen is shown. */
export function App({ visit }: { visit: Visit }) {
  const { stage, call } = useVisit(visit);
  const { role } = visit.route;
  if (stage === 'left') return <LeftPage visit={visit} />;
  if (stage === 'call' && call) {
    if (role === 'watch') return <WatchPage visit={visit} call={call} />;
    if (role === 'stream') return <StreamPage visit={visit} call={call} />;
    return <CallPage visit={visit} call={call} />;
  }
  if (role === 'watch') return <WatchDoorPage visit={visit} />;
  return <LobbyPage visit={visit} />;
}
