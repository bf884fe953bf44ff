// The areas of the dictionaries. English is the shape that Thai is held to.
import type account from './en/account';
import type core from './en/core';
import type customer from './en/customer';
import type inbox from './en/inbox';
import type manage from './en/manage';
import type record from './en/record';
import type sign from './en/sign';
import type work from './en/work';
import type { Shape } from './shape';

export interface Words {
  account: Shape<typeof account>;
  core: Shape<typeof core>;
  customer: Shape<typeof customer>;
  inbox: Shape<typeof inbox>;
  manage: Shape<typeof manage>;
  record: Shape<typeof record>;
  sign: Shape<typeof sign>;
  work: Shape<typeof work>;
}
