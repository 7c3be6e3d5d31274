"""Site configuration of the gateway to Apollo cars."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.address import Address, Target, is_loopback, split_address
from edge.config.section import Name, Section
from edge.core.v2x import CarShape


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"{error}: write a network such as 192.168.10.0/24") from error


Network = Annotated[str, AfterValidator(_network)]


class ApolloConfig(Section):
    """`[apollo]`: the node is the on-board unit of Apollo cars (modules/v2x), both ways."""

    name: Name = Field(default="apollo", description="as a V2X link, in health and metrics")
    edition: Literal[5, 6] = Field(default=6, description="of the cars' Apollo; 6: and later, 5: 3 to 5.5")
    listen: Address = Field(
        default="127.0.0.1:50100",
        description="where cars push their status: their grpc_client_host and _port",
    )
    cars: tuple[Target, ...] = Field(
        default=(), max_length=64, description="cars that are always called: their grpc_server_host and _port"
    )
    car_port: int = Field(
        default=50101, ge=1, le=65535, description="port on which a car that pushed its status is called"
    )
    allow: tuple[Network, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        min_length=1,
        max_length=64,
        description="networks that cars come from",
    )
    max_cars: int = Field(default=16, ge=1, le=64)
    junction_id: str = Field(
        default="",
        max_length=128,
        description="of the intersection on the cars' map; default: as each car says",
    )
    utm_zone: int | None = Field(
        default=None, ge=1, le=60, description="of the cars' map; default: the site's"
    )
    rate_hz: float = Field(default=10.0, gt=0, le=20, description="road users, times a second")
    range_m: float = Field(default=400.0, gt=0, le=2000, description="cars farther away are not served")
    length_m: float = Field(default=4.93, gt=0, le=20, description="of the cars")
    width_m: float = Field(default=2.11, gt=0, le=4, description="of the cars")
    axle_to_centre_m: float = Field(
        default=1.42, ge=-5, le=10, description="rear axle, which they report, to the middle of the body"
    )
    allow_plaintext: bool = Field(
        default=False, description="serve off loopback; Apollo's proxy knows no TLS (closed networks)"
    )

    @property
    def shape(self) -> CarShape:
        """Of the cars."""
        return CarShape(self.length_m, self.width_m, self.axle_to_centre_m)

    @model_validator(mode="after")
    def _closed(self) -> Self:
        addresses = [("listen", self.listen), *(("cars", car) for car in self.cars)]
        for key, address in addresses:
            if not self.allow_plaintext and not is_loopback(split_address(address)[0]):
                raise ValueError(
                    f"{key} {address} is not loopback, and Apollo's proxy knows no TLS: "
                    "set allow_plaintext = true on a closed network between node and cars"
                )
        if self.max_cars < len(self.cars):
            raise ValueError(
                f"max_cars {self.max_cars} is less than the {len(self.cars)} cars that are named"
            )
        return self
