/** The descriptions' sections, the session's first. */
function sectionsOf(sdp: string): string[] {
  return sdp.split(/^(?=m=)/m);
}

function midOf(section: string): string | undefined {
  return /^a=mid:(\S+)/m.exec(section)?.[1];
}

function opusOf(section: string): string | undefined {
  return /^a=rtpmap:(\d+) opus\//im.exec(section)?.[1];
}

function parametersOf(section: string, payloadType: string): string | undefined {
  return new RegExp(`^a=fmtp:${payloadType} (.*?)\\s*$`, 'm').exec(section)?.[1];
}

function isStereo(section: string): boolean {
  const opus = opusOf(section);
  return opus !== undefined && /(^|[; ])sprop-stereo=1(;|$)/.test(parametersOf(section, opus) ?? '');
}

function wish(section: string): string {
  const opus = opusOf(section);
  if (opus === undefined) return section;
  const parameters = parametersOf(section, opus);
  if (parameters === undefined)
    return section.replace(new RegExp(`^(a=rtpmap:${opus} .*?)(\r?\n)`, 'm'), `$1$2a=fmtp:${opus} stereo=1$2`);
  if (/(^|[; ])stereo=/.test(parameters)) return section;
  return section.replace(new RegExp(`^(a=fmtp:${opus} .*?)(\\s*)$`, 'm'), '$1;stereo=1$2');
}

/**
 * Adds `stereo=1` to our description in each section in which the other side sends stereo (RFC 7587 7.1). Browsers do not
 * write it by themselves, and Chromium decodes to one channel without it.
 */
export function wishStereo(local: string, remote: string): string {
  const stereo = new Set(sectionsOf(remote).filter(isStereo).map(midOf));
  return sectionsOf(local)
    .map((section) => (stereo.has(midOf(section)) && midOf(section) !== undefined ? wish(section) : section))
    .join('');
}
