/**
 * The clients that have not proved who they are. There is room for all of them while nobody else needs it; when the
 * sockets have run out, a newcomer takes the place of one of them, so that silence, or a byte now and then, keeps
 * nobody out. Who goes is the oldest of the address that has the most here: many from one address push out each other
 * first, and a client that goes on as clients do is through long before its turn comes.
 */

export class WaitingRoom<Client> {
  /** By address, in order of arrival. */
  private readonly byAddress = new Map<string, Set<Client>>();
  private readonly addressOf = new Map<Client, string>();

  get size(): number {
    return this.addressOf.size;
  }

  add(client: Client, address: string): void {
    const others = this.byAddress.get(address);
    if (others === undefined) this.byAddress.set(address, new Set([client]));
    else others.add(client);
    this.addressOf.set(client, address);
  }

  /** The client has proved who it is, or is gone. */
  remove(client: Client): void {
    const address = this.addressOf.get(client);
    if (address === undefined) return;
    this.addressOf.delete(client);
    const others = this.byAddress.get(address);
    if (others?.delete(client) && others.size === 0) this.byAddress.delete(address);
  }

  /** Whose place a newcomer takes; null when nobody waits here. */
  get next(): Client | null {
    let crowd: Set<Client> | null = null;
    // Among equals the address that came first goes first: a map keeps the order.
    for (const clients of this.byAddress.values()) {
      if (crowd === null || clients.size > crowd.size) crowd = clients;
    }
    return crowd?.values().next().value ?? null;
  }
}
