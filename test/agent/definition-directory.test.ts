/** What a real directory of service files lists. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDirectory } from '@skein/agent/parts';
import { expect, test } from 'vitest';

test.skipIf(process.platform === 'win32')(
  'a directory lists what may be meant as a service file, with the reason where it is none',
  () => {
    const path = mkdtempSync(join(tmpdir(), 'skein-service-files-'));
    try {
      writeFileSync(join(path, 'good.yaml'), '{}');
      for (const name of ['UP.YAML', 'web.hcl', '.hidden.yaml', 'notes.txt']) writeFileSync(join(path, name), '');
      mkdirSync(join(path, 'folder.json'));
      symlinkSync(join(path, 'good.yaml'), join(path, 'link.yml'));
      symlinkSync(join(path, 'nowhere'), join(path, 'dangling.yaml'));
      symlinkSync('/dev/null', join(path, 'device.yaml'));
      const listed = localDirectory(path).list();
      expect(Object.fromEntries(listed.map(({ name, refusal }) => [name, refusal]))).toEqual({
        'UP.YAML': '".YAML" is not read: write it in small letters',
        'dangling.yaml': 'it is a link to nowhere',
        'device.yaml': 'it is no regular file',
        'folder.json': 'it is a directory: only files directly in the directory of service files are read',
        'good.yaml': undefined,
        'link.yml': undefined,
        'web.hcl': 'HCL is not read: write it as YAML or JSON',
      });
    } finally {
      rmSync(path, { recursive: true });
    }
  },
);
