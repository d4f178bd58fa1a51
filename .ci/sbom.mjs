// What a package is made of, as SPDX 2.3 JSON: node .ci/sbom.mjs DEB BINARY >FILE
//
// Shared libraries are those that the binary is linked with or loads later; header-only and static ones are the
// development packages that it was built with. Times are those of the commit, so the same inputs give
// the same bytes.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const [deb, binary] = process.argv.slice(2);
const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, LC_ALL: 'C' } });
const field = (name) => run('dpkg-deb', '-f', deb, name).trim();

/** What a program loads when it needs it: late_symbol() in src. */
const LOADED = ['libarchive.so.13', 'libcurl.so.4'];
const needs = (file) => [...run('ldd', file).matchAll(/=> (\/\S+)/g)].map(([, found]) => found);
function later() {
  const known = run('/sbin/ldconfig', '-p');
  return LOADED.flatMap((name) => {
    const file = new RegExp(`${name.replaceAll('.', '\\.')} .*=> (\\S+)`).exec(known)?.[1];
    if (!file) throw new Error(`no ${name} on this machine`);
    return [file, ...needs(file)];
  });
}
/** Debian packages that own the libraries of a program. */
function linked() {
  const files = [...new Set([...needs(binary), ...later()].map((file) => fs.realpathSync(file)))];
  const owner = (file) => {
    for (const one of [file, file.replace(/^\/usr\/lib\//, '/lib/')]) {
      try {
        return run('dpkg-query', '-S', one).split(': ')[0].split(':')[0];
      } catch { /* under its other name */ }
    }
    throw new Error(`no package owns ${file}`);
  };
  return [...new Set(files.map(owner))];
}

/** The development packages of the build that put code into the binary. */
function compiledIn() {
  const text = fs.readFileSync(path.join(import.meta.dirname, '../dev'), 'utf8');
  const list = /BUILD_PACKAGES=\(([^)]*)\)/.exec(text)[1].split(/\s+/).filter((name) => name.endsWith('-dev') || name === 'nlohmann-json3-dev');
  return list.filter((name) => run('dpkg-query', '-W', '-f=${db:Status-Status}', name) === 'installed');
}

const version = (name) => run('dpkg-query', '-W', '-f=${Version}\n', name).split('\n')[0];
const id = (name) => `SPDXRef-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`;
const sha256 = crypto.createHash('sha256').update(fs.readFileSync(deb)).digest('hex');
const debian = (name, how) => ({
  how,
  SPDXID: id(name), name, versionInfo: version(name), downloadLocation: 'NOASSERTION', filesAnalyzed: false,
  licenseConcluded: 'NOASSERTION', licenseDeclared: 'NOASSERTION', copyrightText: 'NOASSERTION',
  externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: `pkg:deb/debian/${name}@${encodeURIComponent(version(name))}` }],
});

const used = [...linked().map((name) => debian(name, 'DYNAMIC_LINK')), ...compiledIn().map((name) => debian(name, 'BUILD_DEPENDENCY_OF'))]
  .sort((a, b) => (a.name < b.name ? -1 : 1));
const own = {
  SPDXID: 'SPDXRef-oa-stream', name: 'oa-stream', versionInfo: field('Version'), packageFileName: path.basename(deb), downloadLocation: 'NOASSERTION', filesAnalyzed: false,
  licenseConcluded: 'Apache-2.0', licenseDeclared: 'Apache-2.0', copyrightText: 'NOASSERTION',
  checksums: [{ algorithm: 'SHA256', checksumValue: sha256 }],
};
const relation = ({ SPDXID, how }) => (how === 'DYNAMIC_LINK'
  ? { spdxElementId: own.SPDXID, relationshipType: how, relatedSpdxElement: SPDXID }
  : { spdxElementId: SPDXID, relationshipType: how, relatedSpdxElement: own.SPDXID });
console.log(JSON.stringify({
  spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: 'SPDXRef-DOCUMENT', name: path.basename(deb, '.deb'),
  documentNamespace: `https://spdx.org/spdxdocs/${path.basename(deb, '.deb')}-${sha256}`,
  creationInfo: { created: new Date(Number(process.env.SOURCE_DATE_EPOCH ?? 0) * 1000).toISOString().replace('.000', ''), creators: ['Tool: oa-stream-sbom'] },
  documentDescribes: [own.SPDXID],
  packages: [own, ...used.map(({ how, ...row }) => row)],
  relationships: [{ spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: own.SPDXID }, ...used.map(relation)],
}, null, 2));
