import { describe } from 'vitest';
import { SettlerHere } from '../../src/config/settler-here.ts';
import { settlerContract } from '../contract/settler.ts';
import { FIRST_FILE } from './first-file.ts';

describe('SettlerHere', () => settlerContract(() => new SettlerHere(() => 0), FIRST_FILE));
