/** Called where the lab cannot run: says why and what the lab needs, and exits. */
export function unable(reason) {
  console.error(
    `${reason}\nThe lab makes network namespaces: run it as root, or as a user of a kernel that lets users make them (sysctl kernel.unprivileged_userns_clone=1).`,
  );
  process.exit(77);
}
