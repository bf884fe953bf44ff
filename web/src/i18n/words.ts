// The areas of the dictionaries. English is the shape that Thai is held to.
import type account from './en/account';
import type admin from './en/admin';
import type audit from './en/audit';
import type core from './en/core';
import type customer from './en/customer';
import type inbox from './en/inbox';
import type manage from './en/manage';
import type record from './en/record';
import type sale from './en/sale';
import type sign from './en/sign';
import type work from './en/work';
import type { Shape } from './shape';

export interface Words {
  account: Shape<typeof account>;
  admin: Shape<typeof admin>;
  audit: Shape<typeof audit>;
  core: Shape<typeof core>;
  customer: Shape<typeof customer>;
  inbox: Shape<typeof inbox>;
  manage: Shape<typeof manage>;
  record: Shape<typeof record>;
  sale: Shape<typeof sale>;
  sign: Shape<typeof sign>;
  work: Shape<typeof work>;
}
