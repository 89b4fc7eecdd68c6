import { formatAddress, type Candidate, type Mapping, type TransportAddress } from '../../client';
import { natWords, ownAddresses, portWords } from '../model/verdict';
import { Fact } from './Facts';

interface Props {
  locals: readonly Candidate[];
  seen: TransportAddress | null;
  mapping: Mapping | null;
}

const SHOWN = 3;

/** This device's own addresses, and the address that the server sees. */
export function AddressFacts({ locals, seen, mapping }: Props) {
  const own = ownAddresses(locals);
  return (
    <>
      <Fact name="This device">
        {own.length === 0 && '–'}
        {own.slice(0, SHOWN).map((address) => (
          <code key={address}>{address}</code>
        ))}
        {own.length > SHOWN && <span className="fact-more">and {own.length - SHOWN} more</span>}
      </Fact>
      <Fact name="Seen by the server">
        <code>{seen ? formatAddress(seen) : '–'}</code>
      </Fact>
      <Fact name="Port number">{portWords(seen, locals)}</Fact>
      <Fact name="Address translation (NAT)" long>
        {natWords(seen, locals, mapping)}
      </Fact>
    </>
  );
}
