import type { Call, CallSummary } from '../../client';
import { useCall } from '../hooks/use-call';
import { useNatProbe } from '../hooks/use-nat-probe';
import { useSummary } from '../hooks/use-summary';
import { download } from '../model/download';
import { callVerdict, formatShare, REASON_WORDS, seenDirectly, WAY_WORDS } from '../model/verdict';
import { formatRate } from '../model/wording';
import { AddressFacts } from './AddressFacts';
import { Fact, Facts } from './Facts';
import { Icon } from './Icon';
import { BigNumber } from './BigNumber';
import { PictureChoice } from './PictureChoice';
import { PictureFacts } from './PictureFacts';
import { VerdictBox } from './VerdictBox';

/** The effect of this user's network on the call, in words, in figures, and as a report file for experts. */
export function NetworkCard({ call }: { call: Call }) {
  const snapshot = useCall(call);
  const summary = useSummary(call);
  const { network } = snapshot;
  const mapping = useNatProbe(call)?.mapping ?? null;
  const pair = summary?.pair ?? null;
  const save = async () => download('monoport-network', await call.report());
  return (
    <>
      <VerdictBox verdict={callVerdict(snapshot, summary)} />
      <div className="numbers">
        <BigNumber name="Round trip" value={pair?.rtt_ms == null ? null : `${Math.round(pair.rtt_ms)} ms`} />
        <BigNumber name="Lost" value={lossWords(summary)} />
        <BigNumber name="Receiving" value={pair && formatRate(pair.in_bps)} />
        <BigNumber name="Sending" value={pair && formatRate(pair.out_bps)} />
      </div>
      {call.role !== 'stream' && (
        <>
          <PictureChoice call={call} />
          <PictureFacts snapshot={snapshot} summary={summary} />
        </>
      )}
      <Facts title="Way">
        <Fact name="Transport">{network.way ? WAY_WORDS[network.way] : '–'}</Fact>
        <Fact name={pair?.localType === 'relay' ? 'By the relay at' : 'From'}>
          <code>{pair?.local ?? '–'}</code>
        </Fact>
        <Fact name="To the server at">
          <code>{pair?.remote ?? '–'}</code>
        </Fact>
        {network.way && (
          <Fact name="Why this way" long>
            {REASON_WORDS[network.reason]}
          </Fact>
        )}
      </Facts>
      <Facts title="Addresses">
        <AddressFacts locals={network.locals} seen={seenDirectly(network)} mapping={mapping} />
        <Fact name="Changes during this call">{network.changes}</Fact>
        <Fact name="Repairs (ICE restarts)">{network.restarts}</Fact>
      </Facts>
      {call.role !== 'watch' && (
        <Facts title="Video">
          <Fact name="Sent">{videoWords(summary)}</Fact>
        </Facts>
      )}
      <button type="button" className="button panel-action" onClick={() => void save()}>
        <Icon name="download" size={18} />
        Download a report
      </button>
      <p className="panel-note">
        The report is a file with everything your browser and the server did to connect you. It holds the addresses
        above, but no sound, no picture and no names. Everything runs between your browser and this one server.
      </p>
    </>
  );
}

function lossWords(summary: CallSummary | null): string | null {
  const { in: received, out: sent } = summary?.loss ?? { in: null, out: null };
  return received === null && sent === null ? null : formatShare(Math.max(received ?? 0, sent ?? 0));
}

function videoWords(summary: CallSummary | null): string {
  const videos = (summary?.outbound ?? []).filter(({ kind, frameWidth }) => kind === 'video' && frameWidth);
  if (videos.length === 0) return '–';
  return videos
    .map(({ frameWidth, frameHeight, codec }) => `${frameWidth} × ${frameHeight} ${codec ?? ''}`.trim())
    .join(', ');
}
